// Arrays, strings, conversions, mathematics: what needs no terminal.
#pragma once
#include "types.hpp"

const int WRONG_VALUE = -1, CHARTS_MAX = 100, CLR_NONE = -1, WHOLE_ARRAY = -1, EMPTY = -1, MODE_ASCEND = 1, MODE_DESCEND = 2, INVALID_HANDLE = -1, IS_DEBUG_MODE = 0;
const double EMPTY_VALUE = 2147483647.0;
#undef INT_MAX
#undef INT_MIN
#undef UINT_MAX
#undef LONG_MAX
#undef LONG_MIN
#undef ULONG_MAX
#undef DBL_MAX
#undef DBL_MIN
#undef DBL_EPSILON
#undef M_PI
const int INT_MAX = 2147483647, INT_MIN = -2147483647 - 1;
const uint UINT_MAX = 4294967295u;
const mql_long LONG_MAX = std::numeric_limits<mql_long>::max(), LONG_MIN = std::numeric_limits<mql_long>::min();
const mql_ulong ULONG_MAX = std::numeric_limits<mql_ulong>::max();
const double DBL_MAX = 1.7976931348623158e+308, DBL_MIN = 2.2250738585072014e-308, DBL_EPSILON = 2.2204460492503131e-016;
const double M_PI = 3.14159265358979323846;
const uint CP_ACP = 0, CP_UTF8 = 65001;

template <class T> struct mql_extent { static const int value = 1; };
template <class T, int N> struct mql_extent<Fixed<T, N>> { static const int value = N * mql_extent<T>::value; };
template <class T> int ArraySize(const Array<T> &a) { return a.size() * mql_extent<T>::value; }
template <class T> int ArrayRange(const Array<T> &a, int rank) { return rank == 0 ? a.size() : mql_extent<T>::value; }
template <class T> int ArrayResize(Array<T> &a, mql_long n, mql_long reserve = 0) { return a.set_size(n, reserve); }
template <class T> void ArrayFree(Array<T> &a) { a.set_size(0, 0); }
template <class T> bool ArrayIsDynamic(const Array<T> &a) { return !a.fixed(); }
template <class T> bool ArraySetAsSeries(Array<T> &a, bool on) { a.series = on; return true; }
template <class T> bool ArrayGetAsSeries(const Array<T> &a) { return a.series; }
template <class T, class V> void mql_fill(T &x, const V &v) { x = (T)v; }
template <class T, int N, class V> void mql_fill(Fixed<T, N> &x, const V &v) { for (auto &y : x.d) mql_fill(y, v); }
template <class T, class V> int ArrayInitialize(Array<T> &a, V v) {
  for (int i = 0; i < a.size(); i++) mql_fill(a[i], v);
  return ArraySize(a);
}
template <class T, class V> void ArrayFill(Array<T> &a, int start, int count, V v) {
  for (int i = start; i < start + count; i++) mql_fill(a[i], v);
}
template <class T, class U> int ArrayCopy(Array<T> &to, const Array<U> &from, int at = 0, int start = 0, int count = -1) {
  if (count < 0 || count > from.size() - start) count = from.size() - start;
  if (at + count > to.size() && ArrayResize(to, at + count) < 0) count = to.size() - at;
  if ((const void *)&to == (const void *)&from && at > start) {
    for (int i = count - 1; i >= 0; i--) to[at + i] = (T)from[start + i];
    return count < 0 ? 0 : count;
  }
  for (int i = 0; i < count; i++) to[at + i] = (T)from[start + i];
  return count < 0 ? 0 : count;
}
template <class T> bool mql_before(const T &a, const T &b) { return a < b; }
template <class T, int N> bool mql_before(const Fixed<T, N> &a, const Fixed<T, N> &b) { return mql_before(a.d[0], b.d[0]); }
template <class T> bool ArraySort(Array<T> &a, int count = -1, int start = 0, int direction = MODE_ASCEND) {
  int end = count < 0 ? a.size() : start + count;
  for (int i = start + 1; i < end; i++)
    for (int k = i; k > start; k--) {
      bool move = direction == MODE_DESCEND ? mql_before(a[k - 1], a[k]) : mql_before(a[k], a[k - 1]);
      if (!move) break;
      std::swap(a[k], a[k - 1]);
    }
  return true;
}
template <class T> int mql_extreme(const Array<T> &a, int count, int start, bool greatest) {
  int end = count <= 0 ? a.size() : start + count, best = start;
  for (int i = start; i < end && i < a.size(); i++)
    if (greatest ? a[best] < a[i] : a[i] < a[best]) best = i;
  return a.size() ? best : -1;
}
template <class T> int ArrayMaximum(const Array<T> &a, int count = -1, int start = 0) { return mql_extreme(a, count, start, true); }
template <class T> int ArrayMinimum(const Array<T> &a, int count = -1, int start = 0) { return mql_extreme(a, count, start, false); }
template <class T> int ArrayBsearch(const Array<T> &a, T v) {
  int best = 0;
  for (int i = 0; i < a.size() && !(v < a[i]); i++) best = i;
  return best;
}

// --- text ---
struct mql_argument { int kind; mql_long i; double d; string s; };  // kind: 0 integer, 1 double, 2 string
template <class T> mql_argument mql_pack(const T &v) {
  if constexpr (std::is_convertible_v<T, string> && !std::is_arithmetic_v<T> && !std::is_enum_v<T>) return {2, 0, 0, string(v)};
  else if constexpr (std::is_floating_point_v<T>) return {1, 0, (double)v, string()};
  else return {0, (mql_long)v, 0, string()};
}
string mql_format(const string &form, const std::vector<mql_argument> &given);
void mql_print(const string &s);
void mql_alert(const string &s);
void mql_comment(const string &s);
template <class... A> string mql_join(const A &...a) { string s; ((s += string(a)), ...); return s; }
template <class... A> string StringFormat(const string &f, const A &...a) { return mql_format(f, {mql_pack(a)...}); }
template <class... A> void PrintFormat(const string &f, const A &...a) { mql_print(mql_format(f, {mql_pack(a)...})); }
template <class... A> void printf(const string &f, const A &...a) { mql_print(mql_format(f, {mql_pack(a)...})); }
#ifdef __MQL5__
template <class... A> int StringConcatenate(string &out, const A &...a) { out = mql_join(a...); return (int)out.s.size(); }
#else
template <class... A> string StringConcatenate(const A &...a) { return mql_join(a...); }
#endif
template <class... A> void Print(const A &...a) { mql_print(mql_join(a...)); }
template <class... A> void Alert(const A &...a) { mql_alert(mql_join(a...)); }
template <class... A> void Comment(const A &...a) { mql_comment(mql_join(a...)); }
int StringLen(const string &s);
int StringFind(const string &s, const string &what, int start = 0);
static inline string StringSubstr(const string &s, int start, int length = -1) {
  if (start < 0 || start >= (int)s.s.size()) return string();
#ifndef __MQL5__
  if (length == 0) length = -1;  // MQL4: no length is all of it
#endif
  return string(s.s.substr((size_t)start, length < 0 ? std::u16string::npos : (size_t)length));
}
int StringReplace(string &s, const string &from, const string &to);
ushort StringGetCharacter(const string &s, int place);
ushort StringGetChar(const string &s, int place);
bool StringSetCharacter(string &s, int place, ushort c);
string StringSetChar(const string &s, int place, ushort c);
int StringSplit(const string &s, ushort separator, Array<string> &out);
string mql_trim(const string &s, bool left, bool right);
#ifdef __MQL5__
inline int StringTrimLeft(string &s) { int n = StringLen(s); s = mql_trim(s, true, false); return n - StringLen(s); }
inline int StringTrimRight(string &s) { int n = StringLen(s); s = mql_trim(s, false, true); return n - StringLen(s); }
#else
inline string StringTrimLeft(const string &s) { return mql_trim(s, true, false); }
inline string StringTrimRight(const string &s) { return mql_trim(s, false, true); }
#endif
bool StringToLower(string &s);
bool StringToUpper(string &s);
int StringCompare(const string &a, const string &b, bool exact = true);
bool StringAdd(string &s, const string &more);
bool StringFill(string &s, ushort c);
bool StringInit(string &s, int length = 0, ushort c = 0);
std::string mql_encode(const string &s, uint page);
string mql_decode(const uchar *p, int n, uint page);
template <class T> int StringToCharArray(const string &s, Array<T> &a, int start = 0, int count = -1, uint page = CP_ACP) {
  static_assert(sizeof(T) == 1, "an array of uchar or char");
  std::string b = mql_encode(count < 0 ? s : string(s.s.substr(0, (size_t)count)), page);
  if (count < 0) b += '\0';
  if (a.size() < start + (int)b.size()) a.set_size(start + (int)b.size(), 0);
  int n = 0;
  for (; n < (int)b.size() && start + n < a.size(); n++) a[start + n] = (T)b[(size_t)n];
  return n;
}
template <class T> string CharArrayToString(const Array<T> &a, int start = 0, int count = -1, uint page = CP_ACP) {
  if (count < 0 || count > a.size() - start) count = a.size() - start;
  return count > 0 ? mql_decode((const uchar *)a.data() + start, count, page) : string();
}
int StringToShortArray(const string &s, Array<ushort> &a, int start = 0, int count = -1);
string ShortArrayToString(const Array<ushort> &a, int start = 0, int count = -1);
mql_long StringToInteger(const string &s);
double StringToDouble(const string &s);
string IntegerToString(mql_long v, int length = 0, ushort fill = ' ');
string DoubleToString(double v, int digits = 8);
string CharToString(uchar c);
string ShortToString(ushort c);
const int TIME_DATE = 1, TIME_MINUTES = 2, TIME_SECONDS = 4;
string TimeToString(datetime t, int mode = TIME_DATE | TIME_MINUTES);
datetime StringToTime(const string &s);
string ColorToString(color c, bool named = false);
color StringToColor(const string &s);
// the older names
inline string DoubleToStr(double v, int digits = 8) { return DoubleToString(v, digits); }
inline double StrToDouble(const string &s) { return StringToDouble(s); }
inline int StrToInteger(const string &s) { return (int)StringToInteger(s); }
inline datetime StrToTime(const string &s) { return StringToTime(s); }
inline string TimeToStr(datetime t, int mode = TIME_DATE | TIME_MINUTES) { return TimeToString(t, mode); }
inline string CharToStr(uchar c) { return CharToString(c); }

// --- mathematics ---
double NormalizeDouble(double v, int digits);
template <class T> auto MathAbs(T v) { if constexpr (std::is_integral_v<T>) return v < 0 ? -v : v; else return std::fabs((double)v); }
template <class T> auto fabs(T v) { return MathAbs(v); }
inline double MathFloor(double v) { return std::floor(v); }
inline double MathCeil(double v) { return std::ceil(v); }
inline double MathRound(double v) { return std::round(v); }
inline double MathSqrt(double v) { return std::sqrt(v); }
inline double MathPow(double v, double e) { return std::pow(v, e); }
inline double MathExp(double v) { return std::exp(v); }
inline double MathLog(double v) { return std::log(v); }
inline double MathLog10(double v) { return std::log10(v); }
inline double MathMod(double a, double b) { return std::fmod(a, b); }
inline double MathSin(double v) { return std::sin(v); }
inline double MathCos(double v) { return std::cos(v); }
inline double MathTan(double v) { return std::tan(v); }
inline double MathArctan(double v) { return std::atan(v); }
inline double MathArcsin(double v) { return std::asin(v); }
inline double MathArccos(double v) { return std::acos(v); }
inline bool MathIsValidNumber(double v) { return std::isfinite(v); }
template <class A, class B> auto mql_least(A a, B b) { return a < b ? a : b; }
template <class A, class B> auto mql_greatest(A a, B b) { return a > b ? a : b; }
#define MathMin mql_least
#define MathMax mql_greatest
template <class A, class B> auto fmin(A a, B b) { return mql_least(a, b); }
template <class A, class B> auto fmax(A a, B b) { return mql_greatest(a, b); }
template <class A, class B> auto min(A a, B b) { return mql_least(a, b); }
template <class A, class B> auto max(A a, B b) { return mql_greatest(a, b); }
int MathRand();
void MathSrand(int seed);

enum ENUM_POINTER_TYPE { POINTER_INVALID, POINTER_DYNAMIC, POINTER_AUTOMATIC };
template <class T> ENUM_POINTER_TYPE CheckPointer(T *p) { return p ? POINTER_DYNAMIC : POINTER_INVALID; }
template <class T> T *GetPointer(T &x) { return &x; }
template <class T> T *GetPointer(T *x) { return x; }
template <class T> void ZeroMemory(T &x) { x = T(); }
