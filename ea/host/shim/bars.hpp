// Bars of any frame, and the indicators over them: fetched from the simulator once an event, computed once an event.
#pragma once
#include "terminal.hpp"

struct mql_series { std::vector<datetime> time; std::vector<double> open, high, low, close, volume; };  // the oldest first
const mql_series &mql_series_of(const string &symbol, int frame);
void mql_moved();  // prices may be others from now on
int mql_indicator(const char *name, const string &symbol, int frame, const std::vector<double> &given);  // a handle
double mql_value(int handle, int buffer, int shift);  // 0 where there is none
void mql_about(int handle, string &symbol, int &frame);
int mql_values(int handle);  // how many bars it has; -1: no such handle
double mql_on_array(const char *name, std::vector<double> oldest_first, const std::vector<double> &given, int buffer, int place);

enum { MODE_GATORJAW = 1, MODE_GATORTEETH, MODE_GATORLIPS, MODE_PLUSDI = 1, MODE_MINUSDI = 2, MODE_TENKANSEN = 1, MODE_KIJUNSEN, MODE_SENKOUSPANA, MODE_SENKOUSPANB, MODE_CHIKOUSPAN, MODE_BASE = 0, MODE_CHINKOUSPAN = 5 };
enum { STO_LOWHIGH, STO_CLOSECLOSE };
enum ENUM_SERIES_INFO_INTEGER { SERIES_BARS_COUNT, SERIES_FIRSTDATE, SERIES_LASTBAR_DATE, SERIES_SERVER_FIRSTDATE, SERIES_TERMINAL_FIRSTDATE, SERIES_SYNCHRONIZED };
double iMA(const string &symbol, int frame, int period, int shift, int method, int price, int at);
double iATR(const string &symbol, int frame, int period, int at);
double iRSI(const string &symbol, int frame, int period, int price, int at);
double iMACD(const string &symbol, int frame, int fast, int slow, int signal, int price, int mode, int at);
double iOsMA(const string &symbol, int frame, int fast, int slow, int signal, int price, int at);
double iStochastic(const string &symbol, int frame, int k, int d, int slowing, int method, int field, int mode, int at);
double iBands(const string &symbol, int frame, int period, double deviation, int shift, int price, int mode, int at);
double iEnvelopes(const string &symbol, int frame, int period, int method, int shift, int price, double deviation, int mode, int at);
double iStdDev(const string &symbol, int frame, int period, int shift, int method, int price, int at);
double iCCI(const string &symbol, int frame, int period, int price, int at);
double iADX(const string &symbol, int frame, int period, int price, int mode, int at);
double iSAR(const string &symbol, int frame, double step, double most, int at);
double iMomentum(const string &symbol, int frame, int period, int price, int at);
double iWPR(const string &symbol, int frame, int period, int at);
double iDeMarker(const string &symbol, int frame, int period, int at);
double iForce(const string &symbol, int frame, int period, int method, int price, int at);
double iMFI(const string &symbol, int frame, int period, int at);
double iOBV(const string &symbol, int frame, int price, int at);
double iAD(const string &symbol, int frame, int at);
double iAO(const string &symbol, int frame, int at);
double iAC(const string &symbol, int frame, int at);
double iBWMFI(const string &symbol, int frame, int at);
double iRVI(const string &symbol, int frame, int period, int mode, int at);
double iFractals(const string &symbol, int frame, int mode, int at);
double iBearsPower(const string &symbol, int frame, int period, int price, int at);
double iBullsPower(const string &symbol, int frame, int period, int price, int at);
double iAlligator(const string &symbol, int frame, int jaw, int jaw_shift, int teeth, int teeth_shift, int lips, int lips_shift, int method, int price, int mode, int at);
double iIchimoku(const string &symbol, int frame, int tenkan, int kijun, int senkou, int mode, int at);
void mql_no_custom(const string &name);
template <class... A> double iCustom(const string &, int, const string &name, const A &...) { mql_no_custom(name); return 0; }

template <class T> std::vector<double> mql_oldest_first(const Array<T> &a, int total) {
  int n = total > 0 && total < a.size() ? total : a.size();
  std::vector<double> line;
  for (int i = 0; i < n; i++) line.push_back((double)a[a.series ? n - 1 - i : i]);
  return line;
}
template <class T> double mql_array(const char *name, const Array<T> &a, int total, const std::vector<double> &given, int buffer, int at) {
  auto line = mql_oldest_first(a, total);
  int n = (int)line.size();
  return mql_on_array(name, std::move(line), given, buffer, a.series ? n - 1 - at : at);
}
template <class T> double iMAOnArray(const Array<T> &a, int total, int period, int shift, int method, int at) { return mql_array("MA", a, total, {(double)period, (double)shift, (double)method}, 0, at); }
template <class T> double iRSIOnArray(const Array<T> &a, int total, int period, int at) { return mql_array("RSI", a, total, {(double)period}, 0, at); }
template <class T> double iCCIOnArray(const Array<T> &a, int total, int period, int at) { return mql_array("CCI", a, total, {(double)period}, 0, at); }
template <class T> double iMomentumOnArray(const Array<T> &a, int total, int period, int at) { return mql_array("Momentum", a, total, {(double)period}, 0, at); }
template <class T> double iStdDevOnArray(const Array<T> &a, int total, int period, int shift, int method, int at) { return mql_array("StdDev", a, total, {(double)period, (double)shift, (double)method}, 0, at); }
template <class T> double iBandsOnArray(const Array<T> &a, int total, int period, double deviation, int shift, int mode, int at) { return mql_array("Bands", a, total, {(double)period, (double)shift, deviation}, mode, at); }
template <class T> double iEnvelopesOnArray(const Array<T> &a, int total, int period, int method, int shift, double deviation, int mode, int at) { return mql_array("Envelopes", a, total, {(double)period, (double)shift, (double)method, 0, deviation}, mode - 1, at); }

int iBarShift(const string &symbol, int frame, datetime time, bool exact = false);
mql_long SeriesInfoInteger(const string &symbol, int frame, int what);
inline bool SeriesInfoInteger(const string &symbol, int frame, int what, mql_long &out) { out = SeriesInfoInteger(symbol, frame, what); return true; }
int PeriodSeconds(int frame = 0);

// Copies: what is wanted, counted from the newest, lies in the array the oldest first.
struct mql_range { int from, count; };  // from: bars back from the newest of all to the newest wanted
mql_range mql_chosen(const string &symbol, int frame, int start, int count);
mql_range mql_chosen(const string &symbol, int frame, datetime start, int count);
mql_range mql_chosen(const string &symbol, int frame, datetime start, datetime stop);
template <class T> int mql_room(Array<T> &out, int count) {
  if (out.size() < count || !out.fixed()) out.set_size(count, 0);
  return out.size() < count ? out.size() : count;
}
template <class T, class V> int mql_copy(const std::vector<V> &line, mql_range r, Array<T> &out) {
  int count = mql_room(out, r.count), last = (int)line.size() - 1 - r.from;
  for (int i = 0; i < count; i++) out.data()[count - 1 - i] = (T)line[(size_t)(last - i)];
  return count > 0 ? count : -1;
}
template <class T> using mql_when = std::conditional_t<std::is_same_v<T, datetime>, datetime, int>;
template <class A, class B> mql_range mql_picked(const string &s, int f, A a, B b) { return mql_chosen(s, f, (mql_when<A>)a, (mql_when<B>)b); }
template <class A, class B, class T> int CopyOpen(const string &s, int f, A start, B to, Array<T> &out) { return mql_copy(mql_series_of(s, f).open, mql_picked(s, f, start, to), out); }
template <class A, class B, class T> int CopyHigh(const string &s, int f, A start, B to, Array<T> &out) { return mql_copy(mql_series_of(s, f).high, mql_picked(s, f, start, to), out); }
template <class A, class B, class T> int CopyLow(const string &s, int f, A start, B to, Array<T> &out) { return mql_copy(mql_series_of(s, f).low, mql_picked(s, f, start, to), out); }
template <class A, class B, class T> int CopyClose(const string &s, int f, A start, B to, Array<T> &out) { return mql_copy(mql_series_of(s, f).close, mql_picked(s, f, start, to), out); }
template <class A, class B, class T> int CopyTime(const string &s, int f, A start, B to, Array<T> &out) { return mql_copy(mql_series_of(s, f).time, mql_picked(s, f, start, to), out); }
template <class A, class B, class T> int CopyTickVolume(const string &s, int f, A start, B to, Array<T> &out) { return mql_copy(mql_series_of(s, f).volume, mql_picked(s, f, start, to), out); }
template <class A, class B, class T> int CopyRealVolume(const string &s, int f, A start, B to, Array<T> &out) { return mql_copy(mql_series_of(s, f).volume, mql_picked(s, f, start, to), out); }
template <class A, class B, class T> int CopySpread(const string &s, int f, A start, B to, Array<T> &out) {
  int count = mql_room(out, mql_picked(s, f, start, to).count);
  for (int i = 0; i < count; i++) out.data()[i] = (T)10;
  return count;
}
template <class A, class B> int CopyRates(const string &s, int f, A start, B to, Array<MqlRates> &out) {
  const mql_series &all = mql_series_of(s, f);
  mql_range r = mql_picked(s, f, start, to);
  int count = mql_room(out, r.count), last = (int)all.time.size() - 1 - r.from;
  for (int i = 0; i < count; i++) {
    size_t k = (size_t)(last - i);
    out.data()[count - 1 - i] = MqlRates{all.time[k], all.open[k], all.high[k], all.low[k], all.close[k], (mql_long)all.volume[k], 10, 0};
  }
  return count > 0 ? count : -1;
}
template <class T> int ArrayCopySeries(Array<T> &out, int what, const string &symbol = string(mql_NULL), int frame = 0) {
  const mql_series &all = mql_series_of(symbol, frame);
  const std::vector<double> *lines[] = {&all.open, &all.low, &all.high, &all.close, &all.volume};
  out.series = true;
  if (what == MODE_TIME) return mql_copy(all.time, {0, (int)all.time.size()}, out);
  return what < 0 || what > 4 ? -1 : mql_copy(*lines[what], {0, (int)all.time.size()}, out);
}
inline int ArrayCopyRates(Array<MqlRates> &out, const string &symbol = string(mql_NULL), int frame = 0) {
  out.series = true;
  return CopyRates(symbol, frame, 0, (int)mql_series_of(symbol, frame).time.size(), out);
}
