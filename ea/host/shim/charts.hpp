// Charts, windows, dialogs, and what else of the terminal has no effect here: it is taken, and answered as a terminal would
// that shows one chart.
#pragma once
#include "bars.hpp"

mql_long ChartGetInteger(mql_long chart, int what, int window = 0);
inline bool ChartGetInteger(mql_long chart, int what, int window, mql_long &out) { out = ChartGetInteger(chart, what, window); return true; }
double ChartGetDouble(mql_long chart, int what, int window = 0);
inline bool ChartGetDouble(mql_long chart, int what, int window, double &out) { out = ChartGetDouble(chart, what, window); return true; }
inline string ChartGetString(mql_long, int) { return string(); }
inline bool ChartGetString(mql_long, int, string &out) { out = string(); return true; }
template <class V> bool ChartSetInteger(mql_long, int, V) { return true; }
template <class V> bool ChartSetInteger(mql_long, int, int, V) { return true; }
inline bool ChartSetDouble(mql_long, int, double) { return true; }
inline bool ChartSetString(mql_long, int, const string &) { return true; }
inline mql_long ChartOpen(const string &, int) { return 0; }
inline bool ChartClose(mql_long = 0) { return true; }
inline mql_long ChartFirst() { return 1; }
inline mql_long ChartNext(mql_long) { return -1; }
inline string ChartSymbol(mql_long = 0) { return Symbol(); }
inline int ChartPeriod(mql_long = 0) { return Period(); }
inline bool ChartNavigate(mql_long, int, int = 0) { return true; }
inline bool ChartApplyTemplate(mql_long, const string &) { return true; }
inline bool ChartSaveTemplate(mql_long, const string &) { return true; }
inline bool ChartSetSymbolPeriod(mql_long, const string &, int) { return true; }
inline bool ChartScreenShot(mql_long, const string &, int, int, int = 0) { return true; }
inline int ChartWindowFind(mql_long = 0, const string & = string(mql_NULL)) { return 0; }
inline int ChartIndicatorsTotal(mql_long, int) { return 0; }
inline string ChartIndicatorName(mql_long, int, int) { return string(); }
inline bool ChartIndicatorDelete(mql_long, int, const string &) { return false; }
inline bool ChartIndicatorAdd(mql_long, int, int) { return true; }
inline bool ChartTimePriceToXY(mql_long, int, datetime, double, int &x, int &y) { x = y = 0; return true; }
inline bool ChartXYToTimePrice(mql_long, int, int, int, int &window, datetime &t, double &p) { window = 0; t = TimeCurrent(); p = MarketInfo(Symbol(), MODE_BID); return true; }
inline double ChartPriceOnDropped() { return 0; }
inline datetime ChartTimeOnDropped() { return 0; }
inline int ChartWindowOnDropped() { return 0; }
inline int ChartXOnDropped() { return 0; }
inline int ChartYOnDropped() { return 0; }
inline int WindowBarsPerChart() { return 100; }
inline int WindowFind(const string &) { return -1; }
inline int WindowFirstVisibleBar() { return 100; }
inline int WindowHandle(const string &, int) { return 0; }
inline bool WindowIsVisible(int) { return true; }
inline double WindowPriceMax(int = 0) { return iHigh(Symbol(), 0, iHighest(Symbol(), 0, MODE_HIGH, 100, 0)); }
inline double WindowPriceMin(int = 0) { return iLow(Symbol(), 0, iLowest(Symbol(), 0, MODE_LOW, 100, 0)); }
inline double WindowPriceOnDropped() { return 0; }
inline datetime WindowTimeOnDropped() { return 0; }
inline int WindowOnDropped() { return 0; }
inline int WindowXOnDropped() { return 0; }
inline int WindowYOnDropped() { return 0; }
inline int WindowsTotal() { return 1; }
inline bool WindowScreenShot(const string &, int, int, int = -1, int = -1, int = -1) { return true; }
inline bool EventChartCustom(mql_long, int, mql_long, double, const string &) { return true; }
inline bool TextSetFont(const string &, int, uint = 0, int = 0) { return true; }
inline bool TextGetSize(const string &text, uint &width, uint &height) { width = (uint)StringLen(text) * 7; height = 12; return true; }

int MessageBox(const string &text, const string &caption = string(mql_NULL), int flags = 0);
inline bool TerminalClose(int) { ExpertRemove(); return true; }
inline void HideTestIndicators(bool) {}
enum ENUM_STATISTICS { STAT_INITIAL_DEPOSIT, STAT_WITHDRAWAL, STAT_PROFIT, STAT_GROSS_PROFIT, STAT_GROSS_LOSS, STAT_MAX_PROFITTRADE, STAT_MAX_LOSSTRADE, STAT_CONPROFITMAX, STAT_BALANCEMIN, STAT_BALANCE_DD, STAT_BALANCEDD_PERCENT, STAT_BALANCE_DD_RELATIVE, STAT_BALANCE_DDREL_PERCENT, STAT_EQUITYMIN, STAT_EQUITY_DD, STAT_EQUITYDD_PERCENT, STAT_EQUITY_DD_RELATIVE, STAT_EQUITY_DDREL_PERCENT, STAT_EXPECTED_PAYOFF, STAT_PROFIT_FACTOR, STAT_RECOVERY_FACTOR, STAT_SHARPE_RATIO, STAT_MIN_MARGINLEVEL, STAT_CUSTOM_ONTESTER, STAT_DEALS, STAT_TRADES, STAT_PROFIT_TRADES, STAT_LOSS_TRADES, STAT_SHORT_TRADES, STAT_LONG_TRADES, STAT_PROFIT_SHORTTRADES, STAT_PROFIT_LONGTRADES, STAT_CONLOSSMAX, STAT_CONPROFITMAX_TRADES, STAT_MAX_CONWINS, STAT_MAX_CONLOSSES };
inline double TesterStatistics(int) { return 0; }
enum { MQL5_PROGRAM_NAME = 0, MQL5_PROGRAM_PATH = 1, MQL5_PROGRAM_TYPE = 2, MQL5_DLLS_ALLOWED = 3, MQL5_TRADE_ALLOWED = 4, MQL5_DEBUG = 5, MQL5_DEBUGGING = 5, MQL5_TESTER = 6, MQL5_TESTING = 6, MQL5_OPTIMIZATION = 7, MQL5_VISUAL_MODE = 8 };
inline int MQL5InfoInteger(int what) { return MQLInfoInteger(what); }
inline string MQL5InfoString(int what) { return MQLInfoString(what); }
inline void TesterStop() {}
inline void DebugBreak() {}
inline int AccountStopoutMode() { return 0; }
inline double AccountFreeMarginMode() { return 1; }
inline int TimeGMTOffset() { return 0; }
inline int TimeDaylightSavings() { return 0; }
datetime StructToTime(const MqlDateTime &t);
inline bool SymbolExist(const string &name, bool &custom) { custom = false; return SymbolSelect(name, true); }
inline bool SymbolIsSynchronized(const string &) { return true; }
inline bool SymbolInfoMarginRate(const string &, int, double &first, double &later) { first = later = 1; return true; }
inline bool SymbolInfoSessionTrade(const string &, int, uint place, datetime &from, datetime &to) { from = 0; to = 86400; return place == 0; }
inline bool SymbolInfoSessionQuote(const string &, int, uint place, datetime &from, datetime &to) { from = 0; to = 86400; return place == 0; }
inline bool SymbolInfoInteger(const string &symbol, int what, mql_long &out) { out = SymbolInfoInteger(symbol, what); return true; }
inline bool SymbolInfoString(const string &symbol, int what, string &out) { out = SymbolInfoString(symbol, what); return true; }
inline double TerminalInfoDouble(int) { return 0; }

// --- arrays and texts ---
template <class T> int ArrayCompare(const Array<T> &a, const Array<T> &b, int from_a = 0, int from_b = 0, int count = -1) {
  for (int i = 0; (count < 0 || i < count) && (from_a + i < a.size() || from_b + i < b.size()); i++) {
    if (from_a + i >= a.size()) return -1;
    if (from_b + i >= b.size()) return 1;
    if (a[from_a + i] < b[from_b + i]) return -1;
    if (b[from_b + i] < a[from_a + i]) return 1;
  }
  return 0;
}
template <class T> int ArrayDimension(const Array<T> &) { return mql_extent<T>::value > 1 ? 2 : 1; }
template <class T> bool ArrayIsSeries(const Array<T> &a) { return a.series; }
template <class T> bool ArrayReverse(Array<T> &a, int start = 0, int count = -1) {
  int end = count < 0 ? a.size() : start + count;
  for (int i = start, k = end - 1; i < k; i++, k--) std::swap(a[i], a[k]);
  return true;
}
template <class T> bool ArrayRemove(Array<T> &a, int start, int count = -1) {
  if (count < 0 || start + count > a.size()) count = a.size() - start;
  for (int i = start; i + count < a.size(); i++) a[i] = a[i + count];
  return a.set_size(a.size() - count, 0) >= 0;
}
template <class T> bool ArrayInsert(Array<T> &to, const Array<T> &from, int at, int start = 0, int count = -1) {
  if (count < 0 || start + count > from.size()) count = from.size() - start;
  int before = to.size();
  if (to.set_size(before + count, 0) < 0) return false;
  for (int i = before - 1; i >= at; i--) to[i + count] = to[i];
  for (int i = 0; i < count; i++) to[at + i] = from[start + i];
  return true;
}
template <class T> bool ArraySwap(Array<T> &a, Array<T> &b) { std::swap(a, b); return true; }
template <class T, class... A> void ArrayPrint(const Array<T> &a, const A &...) {
  if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, string>) {
    string line;
    for (int i = 0; i < a.size(); i++) line += string(a[i]) + string(u" ");
    mql_print(line);
  } else {
    mql_print(string(a.size()) + string(u" rows"));
  }
}
inline uint ColorToARGB(color c, uchar alpha = 255) { return (uint)alpha << 24 | ((uint)c & 255) << 16 | ((uint)c & 0xFF00) | ((uint)c >> 16 & 255); }
inline int StringBufferLen(const string &s) { return StringLen(s); }
inline bool StringReserve(string &, uint) { return true; }
inline bool StringSetLength(string &s, uint n) { s.s.resize(n); return true; }

// --- mathematics, and the other names that C has for it ---
inline double MathExpm1(double v) { return std::expm1(v); }
inline double MathLog1p(double v) { return std::log1p(v); }
inline double MathArctan2(double y, double x) { return std::atan2(y, x); }
inline double MathTanh(double v) { return std::tanh(v); }
inline double MathSinh(double v) { return std::sinh(v); }
inline double MathCosh(double v) { return std::cosh(v); }
inline int rand() { return MathRand(); }
inline void srand(int seed) { MathSrand(seed); }
template <class T> string EnumToString(T v) { return string((int)v); }

// --- the names that MQL4 had before ---
inline datetime CurTime() { return TimeCurrent(); }
inline datetime LocalTime() { return TimeLocal(); }
