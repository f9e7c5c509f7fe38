// CryptEncode, as far as our programs use it: SHA-256 (FIPS 180-4).
#include <cstring>
#include "mql.hpp"
#include "inside.hpp"

namespace {
const unsigned int rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

unsigned int turned(unsigned int x, int by) { return (x >> by) | (x << (32 - by)); }

void block(unsigned int (&state)[8], const uchar *p) {
  unsigned int w[64], v[8];
  for (int i = 0; i < 16; i++) w[i] = (unsigned)p[4 * i] << 24 | (unsigned)p[4 * i + 1] << 16 | (unsigned)p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++)
    w[i] = w[i - 16] + w[i - 7] + (turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ w[i - 15] >> 3) + (turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ w[i - 2] >> 10);
  memcpy(v, state, sizeof v);
  for (int i = 0; i < 64; i++) {
    unsigned int one = v[7] + (turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + rounds[i] + w[i];
    unsigned int two = (turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += one;
    v[0] = one + two;
  }
  for (int i = 0; i < 8; i++) state[i] += v[i];
}
}  // namespace

int mql_sha256(const uchar *data, int n, uchar (&digest)[32]) {
  unsigned int state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::string all((const char *)data, (size_t)n);
  all += '\x80';
  while (all.size() % 64 != 56) all += '\0';
  for (int i = 7; i >= 0; i--) all += (char)((unsigned long long)n * 8 >> (8 * i) & 255);
  for (size_t at = 0; at < all.size(); at += 64) block(state, (const uchar *)all.data() + at);
  for (int i = 0; i < 32; i++) digest[i] = (uchar)(state[i / 4] >> (24 - 8 * (i % 4)));
  return 32;
}
int CryptEncode(ENUM_CRYPT_METHOD method, const Array<uchar> &data, const Array<uchar> &, Array<uchar> &result) {
  uchar digest[32];
  if (method != CRYPT_HASH_SHA256) { mql_fail(4003); return 0; }
  mql_sha256(data.data(), data.size(), digest);
  if (result.size() < 32 && result.set_size(32, 0) < 0) { mql_fail(4004); return 0; }
  for (int i = 0; i < 32; i++) result[i] = digest[i];
  return 32;
}
