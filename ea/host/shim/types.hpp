// Types of the language: integers, datetime, UTF-16 strings, arrays that check every index. No header of the system here.
#pragma once
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#undef NULL
#undef SEEK_SET
#undef SEEK_CUR
#undef SEEK_END
#undef EMPTY

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef long long mql_long;
typedef unsigned long long mql_ulong;
typedef int color;
#ifdef _WIN32
typedef mql_long datetime;  // Windows has no second type of 64 bits: it prints as a number there
#else
typedef long datetime;  // another type than mql_long, so that it prints as a time
#endif
static_assert(sizeof(datetime) == 8 && sizeof(int) == 4, "this shim wants 64 bits");

// What the terminal calls a critical error: it ends the program. Exit status 4.
[[noreturn]] void mql_critical(const char *what, mql_long index, mql_long size);
#ifdef __MQL5__
static const int mql_language = 5;
#else
static const int mql_language = 4;
#endif
void *mql_import(const char *library, const char *function, const char *types, int language);  // of a DLL

class string;
struct mql_null {
  template <class T> operator T *() const { return nullptr; }
  operator int() const { return 0; }
  template <class E, class = std::enable_if_t<std::is_enum_v<E>>, int = 0> operator E() const { return (E)0; }
};
static const mql_null mql_NULL;
template <class T> bool operator==(T *p, const mql_null &) { return p == nullptr; }
template <class T> bool operator!=(T *p, const mql_null &) { return p != nullptr; }
template <class T> bool operator==(const mql_null &, T *p) { return p == nullptr; }
template <class T> bool operator!=(const mql_null &, T *p) { return p != nullptr; }

// a.b works for objects and for pointers; a pointer to nothing is a critical error.
template <class T> auto mql_ref(T &&x) {
  if constexpr (std::is_pointer_v<std::remove_reference_t<T>>) {
    if (!x) mql_critical("invalid pointer access", 0, 0);
    return x;
  } else {
    return &x;
  }
}

template <class T> using if_number = std::enable_if_t<std::is_arithmetic_v<T> || std::is_enum_v<T>>;

std::u16string mql_text(mql_long v);
std::u16string mql_text(mql_ulong v);
std::u16string mql_text(double v);
std::u16string mql_text(bool v);
std::u16string mql_time_text(datetime v);

class string {
 public:
  std::u16string s;
  bool null = false;
  string() {}
  string(const mql_null &) : null(true) {}
  string(const char16_t *p) : s(p) {}
  string(std::u16string x) : s(std::move(x)) {}
  template <class T, class = if_number<T>> string(T v) {
    if constexpr (std::is_same_v<T, bool>) s = mql_text(v);
    else if constexpr (std::is_same_v<T, datetime>) s = mql_time_text(v);
    else if constexpr (std::is_floating_point_v<T>) s = mql_text((double)v);
    else if constexpr (std::is_unsigned_v<T>) s = mql_text((mql_ulong)v);
    else s = mql_text((mql_long)v);
  }
  template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
#ifndef MQL_FOREIGN  // a text becomes a number unasked, which MetaEditor only warns of
  explicit
#endif
  operator T() const;
  const char16_t *dll() const { return null ? nullptr : s.c_str(); }
  string &operator+=(const string &o) { s += o.s; null = false; return *this; }
};
inline string _S(const char16_t *p) { return string(p); }
inline string _A(const char *p) { return string(std::u16string(p, p + std::char_traits<char>::length(p))); }
const bool TRUE = true, True = true, FALSE = false, False = false;
inline string operator+(const string &a, const string &b) { return string(a.s + b.s); }
template <class S> using if_string = std::enable_if_t<std::is_same_v<S, string>>;  // itself: a number is none, though it may become one
template <class S, class T, class = if_string<S>, class = if_number<T>> string operator+(const S &a, const T &b) { return a + string(b); }
template <class T, class S, class = if_number<T>, class = if_string<S>, int = 0> string operator+(const T &a, const S &b) { return string(a) + b; }
inline bool operator==(const string &a, const string &b) { return a.s == b.s && a.null == b.null; }
inline bool operator!=(const string &a, const string &b) { return !(a == b); }
inline bool operator<(const string &a, const string &b) { return a.s < b.s; }
inline bool operator>(const string &a, const string &b) { return b.s < a.s; }
inline bool operator<=(const string &a, const string &b) { return !(b < a); }
inline bool operator>=(const string &a, const string &b) { return !(a < b); }
double mql_number(const string &s);
mql_long mql_integer(const string &s);
template <class T, class X> string::operator T() const {
  if constexpr (std::is_floating_point_v<T>) return (T)mql_number(*this);
  else return (T)mql_integer(*this);
}

// An index outside: without #property strict MQL4 goes on, and nothing is there.
template <class T> T &mql_outside(mql_long index, mql_long size) {
#ifdef MQL_NOT_STRICT
  static T nothing;
  (void)index; (void)size;
  return nothing = T();
#else
  mql_critical("array out of range", index, size);
#endif
}

// A row of an array of more than one dimension.
template <class T, int N> struct Fixed {
  T d[N];
  T &operator[](mql_long i) { if (i < 0 || i >= N) return mql_outside<T>(i, N); return d[i]; }
  const T &operator[](mql_long i) const { return const_cast<Fixed &>(*this)[i]; }
};

struct mql_fixed { int n; explicit mql_fixed(mql_long k) : n((int)k) {} };
template <class T> class Array {
  std::vector<std::conditional_t<std::is_same_v<T, bool>, uchar, T>> v;
  bool is_fixed = false;

 public:
  typedef T element;
  bool series = false;
  Array() {}
  explicit Array(mql_fixed f) : v((size_t)f.n), is_fixed(true) {}
  Array(mql_fixed f, std::initializer_list<T> l) : v(l.begin(), l.end()), is_fixed(true) { v.resize((size_t)f.n); }
  template <class S, class = std::enable_if_t<!std::is_same_v<S, T> && std::is_arithmetic_v<S> && std::is_class_v<T>>>
  Array(mql_fixed f, std::initializer_list<S> l) : Array(f) {  // rows without brackets of their own
    auto *to = (S *)data();
    for (const S &x : l) *to++ = x;
  }
  Array(std::initializer_list<T> l) : v(l.begin(), l.end()), is_fixed(true) {}
  int size() const { return (int)v.size(); }
  bool fixed() const { return is_fixed; }
  int set_size(mql_long n, mql_long reserve) {
    if (is_fixed || n < 0) return -1;
    if ((size_t)n > v.capacity()) v.reserve((size_t)(n + (reserve > 0 ? reserve : 0)));
    v.resize((size_t)n);
    return (int)n;
  }
  T *data() { return (T *)v.data(); }
  const T *data() const { return (const T *)v.data(); }
  T &operator[](mql_long i) {
    if (i < 0 || i >= (mql_long)v.size()) return mql_outside<T>(i, (mql_long)v.size());
    return data()[series ? (mql_long)v.size() - 1 - i : i];
  }
  const T &operator[](mql_long i) const { return const_cast<Array &>(*this)[i]; }
};
