// Connections: of the terminal to its simulator, and WebRequest with the terminal's list of addresses (MQL_URLS). Loopback
// only. MQL_LOSE_FILE: while this file is there, requests are sent, and their answers are lost.
#include <arpa/inet.h>
#include <cstdlib>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "mql.hpp"
#include "inside.hpp"

int os_connect(const std::string &host, int port, int timeout_ms) {
  sockaddr_in a = {};
  a.sin_family = AF_INET;
  a.sin_port = htons((unsigned short)port);
  if (inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &a.sin_addr) != 1 || ntohl(a.sin_addr.s_addr) >> 24 != 127) return -1;
  int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  timeval t = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
  if (s >= 0 && ::connect(s, (sockaddr *)&a, sizeof a) == 0) {
    ::setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    return s;
  }
  if (s >= 0) ::close(s);
  return -1;
}
bool os_send(int s, const std::string &bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    ssize_t n = ::send(s, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += (size_t)n;
  }
  return true;
}
int os_receive(int s, char *p, int n) { return (int)::recv(s, p, (size_t)n, 0); }
void os_close(int s) { ::close(s); }

static bool listed(const std::string &url) {
  for (auto &address : mql_split(mql_env("MQL_URLS", ""), ','))
    if (!address.empty() && url.compare(0, address.size(), address) == 0) return true;
  return false;
}
int mql_web_request(const string &method, const string &url16, const string &headers, int timeout, const uchar *data, int n, std::vector<uchar> &result, string &result_headers) {
  std::string url = mql_plain(url16);
  if (!listed(url)) { mql_fail(mql_spoken_language == 5 ? 4014 : ERR_FUNCTION_NOT_CONFIRMED); return -1; }
  if (url.compare(0, 7, "http://")) { mql_fail(5200); return -1; }
  std::string host = url.substr(7), path = "/";
  size_t slash = host.find('/');
  if (slash != std::string::npos) { path = host.substr(slash); host.resize(slash); }
  size_t colon = host.find(':');
  int s = os_connect(host.substr(0, colon), colon == std::string::npos ? 80 : atoi(host.c_str() + colon + 1), timeout);
  if (s < 0) { mql_fail(5201); return -1; }
  std::string request = mql_plain(method) + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + mql_plain(headers) + "Content-Length: " + std::to_string(n) + "\r\n\r\n" + std::string((const char *)data, (size_t)n);
  std::string answer;
  char block[8192];
  int k = os_send(s, request) ? 1 : -1;
  while (k > 0 && (k = os_receive(s, block, sizeof block)) > 0) answer.append(block, (size_t)k);
  os_close(s);
  if (const char *lost = getenv("MQL_LOSE_FILE"); lost && ::access(lost, F_OK) == 0) { mql_fail(5202); return -1; }
  size_t end = answer.find("\r\n\r\n");
  if (k < 0) { mql_fail(5202); return -1; }
  if (end == std::string::npos) { mql_fail(5203); return -1; }
  result_headers = mql_make(answer.substr(0, end));
  result.assign(answer.begin() + (long)end + 4, answer.end());
  return atoi(answer.c_str() + 9);
}
