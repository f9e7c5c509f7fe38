// The terminal and the broker: events, account, market, trade, files, objects, network.
#pragma once
#include "language.hpp"

enum { INIT_SUCCEEDED = 0, INIT_FAILED = 1, INIT_PARAMETERS_INCORRECT = 32767, INIT_AGENT_NOT_SUITABLE = 32768 };
enum { REASON_PROGRAM, REASON_REMOVE, REASON_RECOMPILE, REASON_CHARTCHANGE, REASON_CHARTCLOSE, REASON_PARAMETERS, REASON_ACCOUNT, REASON_TEMPLATE, REASON_INITFAILED, REASON_CLOSE };
enum { CHARTEVENT_KEYDOWN, CHARTEVENT_OBJECT_CLICK = 1, CHARTEVENT_CLICK = 4, CHARTEVENT_CHART_CHANGE = 9 };
bool EventSetTimer(int seconds);
bool EventSetMillisecondTimer(int ms);
void EventKillTimer();
bool IsStopped();
void ExpertRemove();
int GetLastError();
void ResetLastError();
int UninitializeReason();
string mql_input_text(const char *name, bool &found);
template <class T> T mql_input(const char *name, T otherwise) {
  bool found;
  string s = mql_input_text(name, found);
  if (!found) return otherwise;
  if constexpr (std::is_same_v<T, string>) return s;
  else if constexpr (std::is_same_v<T, bool>) return s == _S(u"true") || s == _S(u"1");
  else if constexpr (std::is_floating_point_v<T>) return (T)StringToDouble(s);
  else return (T)StringToInteger(s);
}
void Sleep(int ms);
uint GetTickCount();
mql_ulong GetMicrosecondCount();
datetime TimeCurrent();
datetime TimeLocal();
datetime TimeGMT();
int mql_date_part(datetime t, int part);
inline int TimeYear(datetime t) { return mql_date_part(t, 0); }
inline int TimeMonth(datetime t) { return mql_date_part(t, 1); }
inline int TimeDay(datetime t) { return mql_date_part(t, 2); }
inline int TimeHour(datetime t) { return mql_date_part(t, 3); }
inline int TimeMinute(datetime t) { return mql_date_part(t, 4); }
inline int TimeSeconds(datetime t) { return mql_date_part(t, 5); }
inline int TimeDayOfWeek(datetime t) { return mql_date_part(t, 6); }
inline int TimeDayOfYear(datetime t) { return mql_date_part(t, 7); }
inline int Year() { return TimeYear(TimeCurrent()); }
inline int Month() { return TimeMonth(TimeCurrent()); }
inline int Day() { return TimeDay(TimeCurrent()); }
inline int Hour() { return TimeHour(TimeCurrent()); }
inline int Minute() { return TimeMinute(TimeCurrent()); }
inline int Seconds() { return TimeSeconds(TimeCurrent()); }
inline int DayOfWeek() { return TimeDayOfWeek(TimeCurrent()); }
inline int DayOfYear() { return TimeDayOfYear(TimeCurrent()); }
struct MqlDateTime { int year, mon, day, hour, min, sec, day_of_week, day_of_year; };
bool TimeToStruct(datetime t, MqlDateTime &out);
bool IsDllsAllowed(); bool IsConnected(); bool IsTradeAllowed(); bool IsTradeContextBusy(); bool IsExpertEnabled();
bool IsTesting(); bool IsOptimization(); bool IsVisualMode(); bool IsDemo(); bool IsLibrariesAllowed();
string WindowExpertName(); string TerminalName(); string TerminalCompany(); string TerminalPath();
int TerminalInfoInteger(int what); string TerminalInfoString(int what); int MQLInfoInteger(int what); string MQLInfoString(int what);
enum { TERMINAL_BUILD = 5, TERMINAL_CONNECTED = 6, TERMINAL_DLLS_ALLOWED = 7, TERMINAL_TRADE_ALLOWED = 8, TERMINAL_DATA_PATH = 101, TERMINAL_COMMONDATA_PATH = 102, TERMINAL_NAME = 103 };
enum { MQL_TRADE_ALLOWED = 4, MQL_DLLS_ALLOWED = 3, MQL_TESTER = 6, MQL_OPTIMIZATION = 7, MQL_PROGRAM_NAME = 0 };

// --- account ---
int AccountNumber(); int AccountLeverage(); int AccountStopoutLevel();
double AccountBalance(); double AccountEquity(); double AccountFreeMargin(); double AccountMargin(); double AccountProfit(); double AccountCredit();
string AccountServer(); string AccountCurrency(); string AccountName(); string AccountCompany();
double AccountFreeMarginCheck(const string &symbol, int type, double lots);
enum { ACCOUNT_LOGIN = 0, ACCOUNT_TRADE_MODE = 32, ACCOUNT_LEVERAGE = 35, ACCOUNT_BALANCE = 37, ACCOUNT_EQUITY = 40, ACCOUNT_CURRENCY = 36, ACCOUNT_SERVER = 3, ACCOUNT_COMPANY = 2, ACCOUNT_NAME = 1, ACCOUNT_MARGIN_FREE = 42 };
double AccountInfoDouble(int what); mql_long AccountInfoInteger(int what); string AccountInfoString(int what);

// --- market ---
enum { MODE_LOW = 1, MODE_HIGH = 2, MODE_TIME = 5, MODE_BID = 9, MODE_ASK = 10, MODE_POINT = 11, MODE_DIGITS = 12, MODE_SPREAD = 13, MODE_STOPLEVEL = 14, MODE_LOTSIZE = 15, MODE_TICKVALUE = 16, MODE_TICKSIZE = 17, MODE_SWAPLONG = 18, MODE_SWAPSHORT = 19, MODE_TRADEALLOWED = 22, MODE_MINLOT = 23, MODE_LOTSTEP = 24, MODE_MAXLOT = 25, MODE_PROFITCALCMODE = 27, MODE_MARGINCALCMODE = 28, MODE_MARGINREQUIRED = 32, MODE_FREEZELEVEL = 33 };
enum { MODE_OPEN = 0, MODE_CLOSE = 3, MODE_VOLUME = 4, MODE_SMA = 0, MODE_EMA, MODE_SMMA, MODE_LWMA, MODE_MAIN = 0, MODE_SIGNAL, MODE_UPPER = 1, MODE_LOWER };
enum { PRICE_CLOSE, PRICE_OPEN, PRICE_HIGH, PRICE_LOW, PRICE_MEDIAN, PRICE_TYPICAL, PRICE_WEIGHTED };
typedef int ENUM_TIMEFRAMES; typedef int ENUM_MA_METHOD; typedef int ENUM_APPLIED_PRICE; typedef int ENUM_BASE_CORNER; typedef int ENUM_ORDER_TYPE; typedef int ENUM_DAY_OF_WEEK; typedef int ENUM_INIT_RETCODE; typedef int ENUM_OBJECT; typedef int ENUM_STO_PRICE;
enum { PERIOD_CURRENT = 0, PERIOD_M1 = 1, PERIOD_M5 = 5, PERIOD_M15 = 15, PERIOD_M30 = 30, PERIOD_H1 = 60, PERIOD_H4 = 240, PERIOD_D1 = 1440, PERIOD_W1 = 10080, PERIOD_MN1 = 43200 };
enum { SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY };
enum { SYMBOL_BID = 1, SYMBOL_ASK = 4, SYMBOL_POINT = 16, SYMBOL_TRADE_TICK_VALUE = 26, SYMBOL_TRADE_TICK_SIZE = 27, SYMBOL_TRADE_CONTRACT_SIZE = 28, SYMBOL_VOLUME_MIN = 34, SYMBOL_VOLUME_MAX = 35, SYMBOL_VOLUME_STEP = 36, SYMBOL_DIGITS = 17, SYMBOL_SPREAD = 18, SYMBOL_TRADE_STOPS_LEVEL = 31, SYMBOL_TRADE_FREEZE_LEVEL = 32, SYMBOL_SELECT = 0, SYMBOL_TRADE_MODE = 30, SYMBOL_CURRENCY_BASE = 22, SYMBOL_CURRENCY_PROFIT = 23 };
struct MqlTick { datetime time; double bid, ask, last; mql_ulong volume; };
struct MqlRates { datetime time; double open, high, low, close; mql_long tick_volume; int spread; mql_long real_volume; };
string Symbol(); int Period(); bool RefreshRates();
double MarketInfo(const string &symbol, int what);
double SymbolInfoDouble(const string &symbol, int what); mql_long SymbolInfoInteger(const string &symbol, int what);
bool SymbolInfoDouble(const string &symbol, int what, double &out);
string SymbolInfoString(const string &symbol, int what);
bool SymbolInfoTick(const string &symbol, MqlTick &out);
int SymbolsTotal(bool selected); string SymbolName(int place, bool selected); bool SymbolSelect(const string &symbol, bool on);
double mql_bar(const string &symbol, int frame, int what, int shift);  // what: MODE_OPEN.. MODE_TIME
int iBars(const string &symbol, int frame);
double iMA(const string &symbol, int frame, int period, int shift, int method, int price, int at);
double iATR(const string &symbol, int frame, int period, int at);
double iRSI(const string &symbol, int frame, int period, int price, int at);
inline double iOpen(const string &s, int f, int i) { return mql_bar(s, f, MODE_OPEN, i); }
inline double iHigh(const string &s, int f, int i) { return mql_bar(s, f, MODE_HIGH, i); }
inline double iLow(const string &s, int f, int i) { return mql_bar(s, f, MODE_LOW, i); }
inline double iClose(const string &s, int f, int i) { return mql_bar(s, f, MODE_CLOSE, i); }
inline mql_long iVolume(const string &s, int f, int i) { return (mql_long)mql_bar(s, f, MODE_VOLUME, i); }
inline datetime iTime(const string &s, int f, int i) { return (datetime)mql_bar(s, f, MODE_TIME, i); }
int iHighest(const string &symbol, int frame, int what, int count = WHOLE_ARRAY, int start = 0);
int iLowest(const string &symbol, int frame, int what, int count = WHOLE_ARRAY, int start = 0);

// Names without brackets that change by themselves: Bid, Point, Close[1].
template <class T, int what> struct mql_quote {
  operator T() const { return (T)MarketInfo(Symbol(), what); }
  T operator()() const { return *this; }
};
template <class T, int what> struct mql_bars { T operator[](mql_long i) const { return (T)mql_bar(Symbol(), 0, what, (int)i); } };
struct mql_bar_count {
  operator int() const { return iBars(Symbol(), 0); }
  int operator()(const string &symbol, int frame) const { return iBars(symbol, frame); }
};
static const mql_quote<double, MODE_BID> Bid;
static const mql_quote<double, MODE_ASK> Ask;
static const mql_quote<double, MODE_POINT> Point, _Point;
static const mql_quote<int, MODE_DIGITS> Digits, _Digits;
static const mql_bars<double, MODE_OPEN> Open;
static const mql_bars<double, MODE_HIGH> High;
static const mql_bars<double, MODE_LOW> Low;
static const mql_bars<double, MODE_CLOSE> Close;
static const mql_bars<mql_long, MODE_VOLUME> Volume;
static const mql_bars<datetime, MODE_TIME> Time;
static const mql_bar_count Bars;
#define _Symbol (Symbol())
#define _Period (Period())
#define _LastError (mql_last_error())
#define _StopFlag (IsStopped())
int mql_last_error();

// --- trade ---
enum { OP_BUY, OP_SELL, OP_BUYLIMIT, OP_SELLLIMIT, OP_BUYSTOP, OP_SELLSTOP };
enum { SELECT_BY_POS = 0, SELECT_BY_TICKET = 1, MODE_TRADES = 0, MODE_HISTORY = 1 };
enum { ERR_NO_ERROR = 0, ERR_NO_RESULT = 1, ERR_COMMON_ERROR = 2, ERR_INVALID_TRADE_PARAMETERS = 3, ERR_SERVER_BUSY = 4, ERR_NO_CONNECTION = 6, ERR_TRADE_TIMEOUT = 128, ERR_INVALID_PRICE = 129, ERR_INVALID_STOPS = 130, ERR_INVALID_TRADE_VOLUME = 131, ERR_MARKET_CLOSED = 132, ERR_TRADE_DISABLED = 133, ERR_NOT_ENOUGH_MONEY = 134, ERR_PRICE_CHANGED = 135, ERR_OFF_QUOTES = 136, ERR_BROKER_BUSY = 137, ERR_REQUOTE = 138, ERR_TRADE_CONTEXT_BUSY = 146, ERR_FUNCTION_NOT_CONFIRMED = 4060, ERR_INVALID_TICKET = 4108 };
const color clrNONE = -1, clrRed = 255, clrGreen = 32768, clrBlue = 16711680, clrWhite = 16777215, clrBlack = 0, clrYellow = 65535, clrLime = 65280, clrOrange = 42495, clrGray = 8421504, clrAqua = 16776960, clrMagenta = 16711935, clrGold = 55295, clrDodgerBlue = 16748574;
const color Red = 255, Green = 32768, Blue = 16711680, White = 16777215, Black = 0, Yellow = 65535, Lime = 65280, Orange = 42495, Aqua = 16776960, Magenta = 16711935, Gold = 55295, Gray = 8421504, DodgerBlue = 16748574, Violet = 15631086;
int OrdersTotal(); int OrdersHistoryTotal(); int HistoryTotal(); bool OrderSelect(int index, int select, int pool = MODE_TRADES);
int OrderTicket(); int OrderType(); int OrderMagicNumber();
double OrderLots(); double OrderOpenPrice(); double OrderClosePrice(); double OrderStopLoss(); double OrderTakeProfit(); double OrderProfit(); double OrderCommission(); double OrderSwap();
datetime OrderOpenTime(); datetime OrderCloseTime(); datetime OrderExpiration(); string OrderSymbol(); string OrderComment(); void OrderPrint();
int OrderSend(const string &symbol, int type, double lots, double price, int slippage, double sl, double tp, const string &comment = string(mql_NULL), int magic = 0, datetime expiry = 0, color arrow = clrNONE);
bool OrderClose(int ticket, double lots, double price, int slippage, color arrow = clrNONE);
bool OrderModify(int ticket, double price, double sl, double tp, datetime expiry, color arrow = clrNONE);
bool OrderDelete(int ticket, color arrow = clrNONE);
bool OrderCloseBy(int ticket, int opposite, color arrow = clrNONE);

// --- variables of the terminal ---
bool GlobalVariableCheck(const string &n); double GlobalVariableGet(const string &n); datetime GlobalVariableSet(const string &n, double v);
bool GlobalVariableDel(const string &n); void GlobalVariablesFlush(); bool GlobalVariableSetOnCondition(const string &n, double v, double check);

// --- files ---
enum { FILE_READ = 1, FILE_WRITE = 2, FILE_BIN = 4, FILE_CSV = 8, FILE_TXT = 16, FILE_ANSI = 32, FILE_UNICODE = 64, FILE_SHARE_READ = 128, FILE_SHARE_WRITE = 256, FILE_REWRITE = 512, FILE_COMMON = 4096 };
const int SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2;
int FileOpen(const string &name, int flags, short separator = '\t', uint page = CP_ACP);
void FileClose(int h); void FileFlush(int h); bool FileSeek(int h, mql_long to, int from); mql_ulong FileTell(int h); mql_ulong FileSize(int h); bool FileIsEnding(int h);
string FileReadString(int h, int length = -1); uint FileWriteString(int h, const string &s, int length = -1);
bool FileIsExist(const string &n, int flags = 0); bool FileDelete(const string &n, int flags = 0); bool FolderCreate(const string &n, int flags = 0);
bool FileMove(const string &a, int common, const string &b, int flags); bool FileCopy(const string &a, int common, const string &b, int flags);
uint mql_file_read(int h, void *p, uint n); uint mql_file_write(int h, const void *p, uint n);
template <class T> uint FileReadArray(int h, Array<T> &a, int start = 0, int count = WHOLE_ARRAY) {
  if (count < 0) count = (int)((FileSize(h) - FileTell(h)) / sizeof(T));
  if (a.size() < start + count && a.set_size(start + count, 0) < 0) count = a.size() - start;
  return count > 0 ? mql_file_read(h, a.data() + start, (uint)(count * (int)sizeof(T))) / (uint)sizeof(T) : 0;
}
template <class T> uint FileWriteArray(int h, const Array<T> &a, int start = 0, int count = WHOLE_ARRAY) {
  if (count < 0 || count > a.size() - start) count = a.size() - start;
  return count > 0 ? mql_file_write(h, a.data() + start, (uint)(count * (int)sizeof(T))) / (uint)sizeof(T) : 0;
}
template <class... A> uint FileWrite(int h, const A &...a) {
  string s;
  ((s += string(a), s += string(u"\t")), ...);
  s.s.resize(s.s.size() ? s.s.size() - 1 : 0);
  return FileWriteString(h, s + string(u"\r\n"));
}

// --- chart ---
enum { OBJ_VLINE, OBJ_HLINE, OBJ_TREND, OBJ_TEXT = 21, OBJ_ARROW, OBJ_LABEL = 23, OBJ_BUTTON = 25, OBJ_RECTANGLE_LABEL = 28, OBJ_RECTANGLE = 16 };
enum { OBJPROP_TEXT = 999, OBJPROP_COLOR = 6, OBJPROP_STYLE = 7, OBJPROP_WIDTH = 8, OBJPROP_BACK = 9, OBJPROP_FONTSIZE = 100, OBJPROP_FONT = 1001, OBJPROP_CORNER = 101, OBJPROP_XDISTANCE = 102, OBJPROP_YDISTANCE = 103, OBJPROP_STATE = 1018, OBJPROP_SELECTABLE = 1000, OBJPROP_HIDDEN = 208, OBJPROP_XSIZE = 1019, OBJPROP_YSIZE = 1020, OBJPROP_BGCOLOR = 1025, OBJPROP_PRICE1 = 1, OBJPROP_TIME1 = 0, OBJPROP_RAY = 10, OBJPROP_PRICE = 20 };
enum { CORNER_LEFT_UPPER, CORNER_RIGHT_UPPER, CORNER_LEFT_LOWER, CORNER_RIGHT_LOWER };
enum { STYLE_SOLID, STYLE_DASH, STYLE_DOT, STYLE_DASHDOT, STYLE_DASHDOTDOT };
bool ObjectCreate(const string &name, int type, int window, datetime t1, double p1, datetime t2 = 0, double p2 = 0, datetime t3 = 0, double p3 = 0);
bool ObjectCreate(mql_long chart, const string &name, int type, int window, datetime t1, double p1, datetime t2 = 0, double p2 = 0);
bool ObjectSetString(mql_long chart, const string &name, int property, const string &value);
bool ObjectSetInteger(mql_long chart, const string &name, int property, mql_long value);
bool ObjectSetDouble(mql_long chart, const string &name, int property, double value);
bool ObjectSet(const string &name, int property, double value);
bool ObjectSetText(const string &name, const string &text, int size = 0, const string &font = string(mql_NULL), color c = CLR_NONE);
int ObjectFind(const string &name); int ObjectFind(mql_long chart, const string &name);
bool ObjectDelete(const string &name); bool ObjectDelete(mql_long chart, const string &name);
int ObjectsTotal(int type = -1); string ObjectName(int place); int ObjectsDeleteAll(int window = -1, int type = -1);
bool ObjectMove(const string &name, int point, datetime t, double p);
mql_long ChartID(); void ChartRedraw(mql_long chart = 0); void WindowRedraw();
bool SendNotification(const string &text); bool SendMail(const string &subject, const string &text); bool PlaySound(const string &file);

// --- hashes ---
enum ENUM_CRYPT_METHOD { CRYPT_BASE64, CRYPT_AES128, CRYPT_AES256, CRYPT_DES, CRYPT_HASH_SHA1, CRYPT_HASH_SHA256, CRYPT_HASH_MD5, CRYPT_ARCH_ZIP };
int mql_sha256(const uchar *data, int n, uchar (&digest)[32]);
int CryptEncode(ENUM_CRYPT_METHOD method, const Array<uchar> &data, const Array<uchar> &key, Array<uchar> &result);

// --- network ---
int mql_web_request(const string &method, const string &url, const string &headers, int timeout, const uchar *data, int n, std::vector<uchar> &result, string &result_headers);
template <class A, class B> int WebRequest(const string &method, const string &url, const string &headers, int timeout, const Array<A> &data, Array<B> &result, string &result_headers) {
  static_assert(sizeof(A) == 1 && sizeof(B) == 1, "bytes");
  std::vector<uchar> r;
  int status = mql_web_request(method, url, headers, timeout, (const uchar *)data.data(), data.size(), r, result_headers);
  result.set_size((mql_long)r.size(), 0);
  for (int i = 0; i < result.size(); i++) result[i] = (B)r[(size_t)i];
  return status;
}
