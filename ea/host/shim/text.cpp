// Strings, conversions and formats as the terminal has them.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include "mql.hpp"
#include "inside.hpp"

static void put_utf8(std::string &r, unsigned c) {
  if (c < 0x80) r += (char)c;
  else if (c < 0x800) (r += (char)(0xC0 | c >> 6)) += (char)(0x80 | (c & 63));
  else if (c < 0x10000) ((r += (char)(0xE0 | c >> 12)) += (char)(0x80 | ((c >> 6) & 63))) += (char)(0x80 | (c & 63));
  else (((r += (char)(0xF0 | c >> 18)) += (char)(0x80 | ((c >> 12) & 63))) += (char)(0x80 | ((c >> 6) & 63))) += (char)(0x80 | (c & 63));
}
std::string mql_utf8(const std::u16string &s) {
  std::string r;
  for (size_t i = 0; i < s.size(); i++) {
    unsigned c = s[i];
    bool pair = c >= 0xD800 && c < 0xDC00 && i + 1 < s.size() && s[i + 1] >= 0xDC00 && s[i + 1] < 0xE000;
    if (pair) c = 0x10000 + ((c - 0xD800) << 10) + (s[++i] - 0xDC00u);
    else if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
    put_utf8(r, c);
  }
  return r;
}
std::u16string mql_utf16(const std::string &s) {
  std::u16string r;
  for (size_t i = 0; i < s.size();) {
    unsigned c = (uchar)s[i++];
    int more = c < 0x80 ? 0 : c < 0xC0 ? -1 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : c < 0xF8 ? 3 : -1;
    unsigned v = more <= 0 ? c : c & (0x3Fu >> more);
    for (int k = 0; k < more; k++) {
      if (i >= s.size() || ((uchar)s[i] & 0xC0) != 0x80) { more = -1; break; }
      v = v << 6 | ((uchar)s[i++] & 63u);
    }
    if (more < 0) r += u'\xFFFD';
    else if (v > 0xFFFF) { v -= 0x10000; r += (char16_t)(0xD800 + (v >> 10)); r += (char16_t)(0xDC00 + (v & 1023)); }
    else r += (char16_t)v;
  }
  return r;
}
std::string mql_encode(const string &s, uint page) {
  if (page == CP_UTF8) return mql_utf8(s.s);
  std::string r;
  for (char16_t c : s.s) r += c < 256 ? (char)c : '?';
  return r;
}
string mql_decode(const uchar *p, int n, uint page) {
  std::string b((const char *)p, (size_t)n);
  size_t zero = b.find('\0');
  if (zero != std::string::npos) b.resize(zero);
  if (page == CP_UTF8) return string(mql_utf16(b));
  std::u16string r;
  for (char c : b) r += (char16_t)(uchar)c;
  return string(r);
}
static std::u16string wide(const std::string &s) { return std::u16string(s.begin(), s.end()); }
static std::string number(const char *form, double v) {
  char b[512];
  snprintf(b, sizeof b, form, v);
  return b;
}
std::u16string mql_text(mql_long v) { return wide(std::to_string(v)); }
std::u16string mql_text(mql_ulong v) { return wide(std::to_string(v)); }
std::u16string mql_text(double v) { return wide(number("%.16g", v)); }
std::u16string mql_text(bool v) { return v ? u"true" : u"false"; }
std::u16string mql_time_text(datetime v) { return TimeToString(v, TIME_DATE | TIME_MINUTES | TIME_SECONDS).s; }

static std::string conversion(const std::string &form, size_t &i) {
  std::string spec = "%";
  for (i++; i < form.size() && !strchr("diuxXcsfeEgG", form[i]); i++)
    if (!strchr("lhI", form[i]) && !(form[i] == '6' && form[i - 1] == 'I') && !(form[i] == '4' && form[i - 1] == '6')) spec += form[i];
  return spec;
}
string mql_format(const string &form16, const std::vector<mql_argument> &given) {
  static const bool lenient = getenv("MQL_LENIENT") != nullptr;  // the terminal prints something, whatever is given
  std::string form = mql_utf8(form16.s), out;
  size_t next = 0;
  for (size_t i = 0; i < form.size(); i++) {
    if (form[i] != '%') { out += form[i]; continue; }
    if (i + 1 < form.size() && form[i + 1] == '%') { out += '%'; i++; continue; }
    std::string spec = conversion(form, i);
    if (i >= form.size()) break;
    if (next >= given.size()) { out += "(missed string parameter)"; continue; }
    const mql_argument &x = given[next++];
    char b[512];
    if (form[i] == 's') {
      std::string t = x.kind == 2 ? mql_utf8(x.s.s) : x.kind == 1 ? number("%g", x.d) : std::to_string(x.i);
      std::vector<char> v(t.size() + 300);
      snprintf(v.data(), v.size(), (spec + "s").c_str(), t.c_str());
      out += v.data();
    } else if (x.kind == 2) {
      if (!lenient) mql_critical("a string for a number's format", (mql_long)next, 0);
      out += "(non-number passed)";
    } else if (strchr("feEgG", form[i])) {
      snprintf(b, sizeof b, (spec + form[i]).c_str(), x.kind == 1 ? x.d : (double)x.i);
      out += b;
    } else if (x.kind == 1 && !lenient) {
      mql_critical("a double for an integer's format", (mql_long)next, 0);
    } else if (form[i] == 'c') {
      out += (char)x.i;
    } else {
      snprintf(b, sizeof b, (spec + "ll" + form[i]).c_str(), x.kind == 1 ? (mql_long)x.d : x.i);
      out += b;
    }
  }
  return string(mql_utf16(out));
}
int StringLen(const string &s) { return (int)s.s.size(); }
int StringFind(const string &s, const string &what, int start) {
  size_t p = s.s.find(what.s, start < 0 ? 0 : (size_t)start);
  return p == std::u16string::npos ? -1 : (int)p;
}
int StringReplace(string &s, const string &from, const string &to) {
  int n = 0;
  for (size_t p = 0; !from.s.empty() && (p = s.s.find(from.s, p)) != std::u16string::npos; p += to.s.size(), n++)
    s.s.replace(p, from.s.size(), to.s);
  return n;
}
ushort StringGetCharacter(const string &s, int place) {
  if (place < 0 || place >= (int)s.s.size()) { mql_fail(4002); return 0; }
  return (ushort)s.s[(size_t)place];
}
ushort StringGetChar(const string &s, int place) { return StringGetCharacter(s, place); }
bool StringSetCharacter(string &s, int place, ushort c) {
  if (place < 0 || place > (int)s.s.size()) return false;
  if (place == (int)s.s.size()) s.s += (char16_t)c;
  else if (c == 0) s.s.resize((size_t)place);
  else s.s[(size_t)place] = (char16_t)c;
  return true;
}
string StringSetChar(const string &s, int place, ushort c) { string r = s; StringSetCharacter(r, place, c); return r; }
int StringSplit(const string &s, ushort separator, Array<string> &out) {
  out.set_size(0, 0);
  if (s.s.empty()) return 0;
  for (size_t p = 0;;) {
    size_t q = s.s.find((char16_t)separator, p);
    out.set_size(out.size() + 1, 16);
    out[out.size() - 1] = string(s.s.substr(p, q == std::u16string::npos ? q : q - p));
    if (q == std::u16string::npos) return out.size();
    p = q + 1;
  }
}
string mql_trim(const string &s, bool left, bool right) {
  const char16_t *blank = u" \t\r\n";
  size_t a = left ? s.s.find_first_not_of(blank) : 0, b = right ? s.s.find_last_not_of(blank) : s.s.size() - 1;
  if (s.s.empty() || a == std::u16string::npos || b == std::u16string::npos) return string();
  return string(s.s.substr(a, b - a + 1));
}
bool StringToLower(string &s) { for (auto &c : s.s) if (c < 128) c = (char16_t)tolower(c); return true; }
bool StringToUpper(string &s) { for (auto &c : s.s) if (c < 128) c = (char16_t)toupper(c); return true; }
int StringCompare(const string &a, const string &b, bool exact) {
  string x = a, y = b;
  if (!exact) { StringToLower(x); StringToLower(y); }
  return x < y ? -1 : y < x ? 1 : 0;
}
bool StringAdd(string &s, const string &more) { s += more; return true; }
bool StringFill(string &s, ushort c) { for (auto &x : s.s) x = (char16_t)c; return true; }
bool StringInit(string &s, int length, ushort c) { s = string(std::u16string(c ? (size_t)length : 0, (char16_t)c)); return true; }
int StringToShortArray(const string &s, Array<ushort> &a, int start, int count) {
  int n = count < 0 || count > StringLen(s) ? StringLen(s) + 1 : count;
  if (a.size() < start + n) a.set_size(start + n, 0);
  for (int i = 0; i < n; i++) a[start + i] = i < StringLen(s) ? (ushort)s.s[(size_t)i] : (ushort)0;
  return n;
}
string ShortArrayToString(const Array<ushort> &a, int start, int count) {
  std::u16string r;
  int end = count < 0 ? a.size() : std::min(a.size(), start + count);
  for (int i = start; i < end && a[i]; i++) r += (char16_t)a[i];
  return string(r);
}
mql_long mql_integer(const string &s) { return strtoll(mql_utf8(s.s).c_str(), nullptr, 10); }
double mql_number(const string &s) { return strtod(mql_utf8(s.s).c_str(), nullptr); }
mql_long StringToInteger(const string &s) { return mql_integer(s); }
double StringToDouble(const string &s) { return mql_number(s); }
string IntegerToString(mql_long v, int length, ushort fill) {
  std::u16string t = mql_text(v);
  if ((int)t.size() < length) t.insert(0, (size_t)length - t.size(), (char16_t)fill);
  return string(t);
}
string DoubleToString(double v, int digits) {
  char b[512];
  if (digits < 0) snprintf(b, sizeof b, "%.*e", -digits > 16 ? 16 : -digits, v);
  else snprintf(b, sizeof b, "%.*f", digits > 16 ? 16 : digits, v);
  return string(wide(b));
}
string CharToString(uchar c) { return string(std::u16string(1, (char16_t)c)); }
string ShortToString(ushort c) { return string(std::u16string(1, (char16_t)c)); }
string TimeToString(datetime t, int mode) {
  time_t x = (time_t)t;
  struct tm g;
  gmtime_r(&x, &g);
  char b[64] = "";
  if (mode & TIME_DATE) strftime(b, 32, mode & 6 ? "%Y.%m.%d " : "%Y.%m.%d", &g);
  if (mode & 6) strftime(b + strlen(b), 32, mode & TIME_SECONDS ? "%H:%M:%S" : "%H:%M", &g);
  return string(wide(b));
}
datetime StringToTime(const string &s16) {
  std::string s = mql_utf8(s16.s);
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, se = 0;
  struct tm g = {};
  if (sscanf(s.c_str(), "%d.%d.%d %d:%d:%d", &y, &mo, &d, &h, &mi, &se) < 3) {
    if (sscanf(s.c_str(), "%d:%d:%d", &h, &mi, &se) < 2) return 0;
    datetime now = TimeLocal();
    return now - now % 86400 + h * 3600 + mi * 60 + se;
  }
  g.tm_year = y - 1900; g.tm_mon = mo - 1; g.tm_mday = d; g.tm_hour = h; g.tm_min = mi; g.tm_sec = se;
  return (datetime)timegm(&g);
}
string ColorToString(color c, bool) { return mql_format(string(u"%d,%d,%d"), {mql_pack(c & 255), mql_pack(c >> 8 & 255), mql_pack(c >> 16 & 255)}); }
color StringToColor(const string &s) { return (color)mql_integer(s); }
double NormalizeDouble(double v, int digits) {
  double m = std::pow(10.0, digits < 0 ? 0 : digits > 8 ? 8 : digits);
  return std::round(v * m) / m;
}
static uint g_seed = 1;
int MathRand() { g_seed = g_seed * 214013u + 2531011u; return (int)(g_seed >> 16 & 32767); }
void MathSrand(int seed) { g_seed = (uint)seed; }
