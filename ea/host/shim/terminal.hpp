// The terminal and the broker: events, account, market, trade, files, objects, network.
#pragma once
#include "language.hpp"
#include "colours.hpp"

enum { INIT_SUCCEEDED = 0, INIT_FAILED = 1, INIT_PARAMETERS_INCORRECT = 32767, INIT_AGENT_NOT_SUITABLE = 32768 };
enum { REASON_PROGRAM, REASON_REMOVE, REASON_RECOMPILE, REASON_CHARTCHANGE, REASON_CHARTCLOSE, REASON_PARAMETERS, REASON_ACCOUNT, REASON_TEMPLATE, REASON_INITFAILED, REASON_CLOSE };
enum { CHARTEVENT_KEYDOWN, CHARTEVENT_OBJECT_CLICK = 1, CHARTEVENT_OBJECT_DRAG, CHARTEVENT_OBJECT_ENDEDIT, CHARTEVENT_CLICK, CHARTEVENT_OBJECT_DELETE = 6, CHARTEVENT_OBJECT_CREATE, CHARTEVENT_OBJECT_CHANGE, CHARTEVENT_CHART_CHANGE, CHARTEVENT_MOUSE_MOVE = 10, CHARTEVENT_MOUSE_WHEEL, CHARTEVENT_CUSTOM = 1000, CHARTEVENT_CUSTOM_LAST = 66534 };
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
inline datetime TimeCurrent(MqlDateTime &out) { TimeToStruct(TimeCurrent(), out); return TimeCurrent(); }
inline datetime TimeLocal(MqlDateTime &out) { TimeToStruct(TimeLocal(), out); return TimeLocal(); }
inline datetime TimeGMT(MqlDateTime &out) { TimeToStruct(TimeGMT(), out); return TimeGMT(); }
bool IsDllsAllowed(); bool IsConnected(); bool IsTradeAllowed(); bool IsTradeContextBusy(); bool IsExpertEnabled();
bool IsTesting(); bool IsOptimization(); bool IsVisualMode(); bool IsDemo(); bool IsLibrariesAllowed();
string WindowExpertName(); string TerminalName(); string TerminalCompany(); string TerminalPath();
int TerminalInfoInteger(int what); string TerminalInfoString(int what); int MQLInfoInteger(int what); string MQLInfoString(int what);
enum { TERMINAL_BUILD = 5, TERMINAL_CONNECTED = 6, TERMINAL_DLLS_ALLOWED = 7, TERMINAL_TRADE_ALLOWED = 8, TERMINAL_EMAIL_ENABLED, TERMINAL_FTP_ENABLED, TERMINAL_MAXBARS, TERMINAL_CODEPAGE, TERMINAL_MEMORY_PHYSICAL = 14, TERMINAL_MEMORY_TOTAL, TERMINAL_MEMORY_AVAILABLE, TERMINAL_MEMORY_USED, TERMINAL_X64, TERMINAL_OPENCL_SUPPORT, TERMINAL_DISK_SPACE, TERMINAL_CPU_CORES, TERMINAL_COMMUNITY_ACCOUNT = 23, TERMINAL_COMMUNITY_CONNECTION, TERMINAL_COMMUNITY_BALANCE, TERMINAL_NOTIFICATIONS_ENABLED, TERMINAL_SCREEN_DPI, TERMINAL_PING_LAST, TERMINAL_MQID = 22, TERMINAL_VPS = 29, TERMINAL_TRADE_CONTEXT_BUSY, TERMINAL_DATA_PATH = 101, TERMINAL_COMMONDATA_PATH = 102, TERMINAL_NAME = 103, TERMINAL_PATH, TERMINAL_COMPANY, TERMINAL_LANGUAGE };
enum { MQL_TRADE_ALLOWED = 4, MQL_DLLS_ALLOWED = 3, MQL_TESTER = 6, MQL_OPTIMIZATION = 7, MQL_PROGRAM_NAME = 0, MQL_PROGRAM_PATH, MQL_PROGRAM_TYPE, MQL_DEBUG = 5, MQL_VISUAL_MODE = 8, MQL_PROFILER, MQL_MEMORY_LIMIT, MQL_MEMORY_USED, MQL_FRAME_MODE, MQL_LICENSE_TYPE, MQL_SIGNALS_ALLOWED, MQL_FORWARD, MQL_CODEPAGE, PROGRAM_SCRIPT = 1, PROGRAM_EXPERT, PROGRAM_INDICATOR };

// --- account ---
int AccountNumber(); int AccountLeverage(); int AccountStopoutLevel();
double AccountBalance(); double AccountEquity(); double AccountFreeMargin(); double AccountMargin(); double AccountProfit(); double AccountCredit();
string AccountServer(); string AccountCurrency(); string AccountName(); string AccountCompany();
double AccountFreeMarginCheck(const string &symbol, int type, double lots);
enum { ACCOUNT_LOGIN = 0, ACCOUNT_TRADE_MODE = 32, ACCOUNT_TRADE_ALLOWED = 33, ACCOUNT_TRADE_EXPERT = 34, ACCOUNT_LEVERAGE = 35, ACCOUNT_BALANCE = 37, ACCOUNT_CREDIT = 38, ACCOUNT_PROFIT = 39, ACCOUNT_EQUITY = 40, ACCOUNT_MARGIN = 41, ACCOUNT_MARGIN_LEVEL = 43, ACCOUNT_MARGIN_SO_CALL = 45, ACCOUNT_MARGIN_SO_SO = 46, ACCOUNT_LIMIT_ORDERS = 47, ACCOUNT_MARGIN_SO_MODE = 44, ACCOUNT_FREEMARGIN = 42, ACCOUNT_CURRENCY = 36, ACCOUNT_SERVER = 3, ACCOUNT_COMPANY = 2, ACCOUNT_NAME = 1, ACCOUNT_MARGIN_FREE = 42 };
enum { ACCOUNT_TRADE_MODE_DEMO, ACCOUNT_TRADE_MODE_CONTEST, ACCOUNT_TRADE_MODE_REAL, ACCOUNT_STOPOUT_MODE_PERCENT = 0, ACCOUNT_STOPOUT_MODE_MONEY };
double AccountInfoDouble(int what); mql_long AccountInfoInteger(int what); string AccountInfoString(int what);

// --- market ---
enum { MODE_LOW = 1, MODE_HIGH = 2, MODE_TIME = 5, MODE_BID = 9, MODE_ASK = 10, MODE_POINT = 11, MODE_DIGITS = 12, MODE_SPREAD = 13, MODE_SWAPTYPE = 26, MODE_STARTING = 20, MODE_EXPIRATION = 21, MODE_MARGININIT = 29, MODE_MARGINMAINTENANCE = 30, MODE_MARGINHEDGED = 31, MODE_CLOSEBY_ALLOWED = 34, MODE_STOPLEVEL = 14, MODE_LOTSIZE = 15, MODE_TICKVALUE = 16, MODE_TICKSIZE = 17, MODE_SWAPLONG = 18, MODE_SWAPSHORT = 19, MODE_TRADEALLOWED = 22, MODE_MINLOT = 23, MODE_LOTSTEP = 24, MODE_MAXLOT = 25, MODE_PROFITCALCMODE = 27, MODE_MARGINCALCMODE = 28, MODE_MARGINREQUIRED = 32, MODE_FREEZELEVEL = 33 };
enum { MODE_OPEN = 0, MODE_CLOSE = 3, MODE_VOLUME = 4, MODE_SMA = 0, MODE_EMA, MODE_SMMA, MODE_LWMA, MODE_MAIN = 0, MODE_SIGNAL, MODE_UPPER = 1, MODE_LOWER };
enum { PRICE_CLOSE, PRICE_OPEN, PRICE_HIGH, PRICE_LOW, PRICE_MEDIAN, PRICE_TYPICAL, PRICE_WEIGHTED };
typedef int ENUM_TIMEFRAMES; typedef int ENUM_MA_METHOD; typedef int ENUM_APPLIED_PRICE; typedef int ENUM_BASE_CORNER; typedef int ENUM_ORDER_TYPE; typedef int ENUM_DAY_OF_WEEK; typedef int ENUM_INIT_RETCODE; typedef int ENUM_OBJECT; typedef int ENUM_STO_PRICE;
enum { PERIOD_CURRENT = 0, PERIOD_M1 = 1, PERIOD_M2, PERIOD_M3, PERIOD_M4, PERIOD_M5 = 5, PERIOD_M6, PERIOD_M10 = 10, PERIOD_M12 = 12, PERIOD_M20 = 20, PERIOD_H2 = 120, PERIOD_H3 = 180, PERIOD_H6 = 360, PERIOD_H8 = 480, PERIOD_H12 = 720, PERIOD_M15 = 15, PERIOD_M30 = 30, PERIOD_H1 = 60, PERIOD_H4 = 240, PERIOD_D1 = 1440, PERIOD_W1 = 10080, PERIOD_MN1 = 43200 };
enum { SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY };
enum { SYMBOL_BID = 1, SYMBOL_ASK = 4, SYMBOL_POINT = 16, SYMBOL_TRADE_TICK_VALUE = 26, SYMBOL_TRADE_TICK_SIZE = 27, SYMBOL_TRADE_CONTRACT_SIZE = 28, SYMBOL_VOLUME_MIN = 34, SYMBOL_VOLUME_MAX = 35, SYMBOL_VOLUME_STEP = 36, SYMBOL_DIGITS = 17, SYMBOL_SPREAD = 18, SYMBOL_TRADE_STOPS_LEVEL = 31, SYMBOL_TRADE_FREEZE_LEVEL = 32, SYMBOL_SELECT = 0, SYMBOL_TRADE_MODE = 30, SYMBOL_LAST = 7, SYMBOL_BIDHIGH = 2, SYMBOL_BIDLOW, SYMBOL_ASKHIGH = 5, SYMBOL_ASKLOW, SYMBOL_LASTHIGH = 8, SYMBOL_LASTLOW, SYMBOL_SPREAD_FLOAT = 41, SYMBOL_SWAP_MODE = 37, SYMBOL_SWAP_LONG, SYMBOL_SWAP_SHORT, SYMBOL_SWAP_ROLLOVER3DAYS, SYMBOL_MARGIN_INITIAL = 42, SYMBOL_MARGIN_MAINTENANCE, SYMBOL_MARGIN_HEDGED = 44, SYMBOL_VOLUME_LIMIT = 55, SYMBOL_TRADE_CALC_MODE = 29, SYMBOL_TRADE_EXEMODE = 33, SYMBOL_TIME = 15, SYMBOL_VISIBLE = 76, SYMBOL_EXIST = 77, SYMBOL_VOLUME = 10, SYMBOL_TRADE_TICK_VALUE_PROFIT = 53, SYMBOL_TRADE_TICK_VALUE_LOSS = 54, SYMBOL_PATH = 106, SYMBOL_DESCRIPTION = 20, SYMBOL_CURRENCY_MARGIN = 24, SYMBOL_CURRENCY_BASE = 22, SYMBOL_CURRENCY_PROFIT = 23 };
enum { SYMBOL_TRADE_MODE_DISABLED, SYMBOL_TRADE_MODE_LONGONLY, SYMBOL_TRADE_MODE_SHORTONLY, SYMBOL_TRADE_MODE_CLOSEONLY, SYMBOL_TRADE_MODE_FULL, SYMBOL_TRADE_EXECUTION_REQUEST = 0, SYMBOL_TRADE_EXECUTION_INSTANT, SYMBOL_TRADE_EXECUTION_MARKET, SYMBOL_TRADE_EXECUTION_EXCHANGE };
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
#define _UninitReason (UninitializeReason())
#define _RandomSeed 1
int mql_last_error();

// --- trade ---
enum { OP_BUY, OP_SELL, OP_BUYLIMIT, OP_SELLLIMIT, OP_BUYSTOP, OP_SELLSTOP };
enum { SELECT_BY_POS = 0, SELECT_BY_TICKET = 1, MODE_TRADES = 0, MODE_HISTORY = 1 };
enum { ERR_NO_ERROR = 0, ERR_NO_RESULT = 1, ERR_COMMON_ERROR = 2, ERR_INVALID_TRADE_PARAMETERS = 3, ERR_SERVER_BUSY = 4, ERR_OLD_VERSION, ERR_NO_CONNECTION = 6, ERR_NOT_ENOUGH_RIGHTS, ERR_TOO_FREQUENT_REQUESTS, ERR_MALFUNCTIONAL_TRADE, ERR_ACCOUNT_DISABLED = 64, ERR_INVALID_ACCOUNT, ERR_TRADE_TIMEOUT = 128, ERR_INVALID_PRICE = 129, ERR_INVALID_STOPS = 130, ERR_INVALID_TRADE_VOLUME = 131, ERR_MARKET_CLOSED = 132, ERR_TRADE_DISABLED = 133, ERR_NOT_ENOUGH_MONEY = 134, ERR_PRICE_CHANGED = 135, ERR_OFF_QUOTES = 136, ERR_BROKER_BUSY = 137, ERR_REQUOTE = 138, ERR_ORDER_LOCKED, ERR_LONG_POSITIONS_ONLY_ALLOWED, ERR_TOO_MANY_REQUESTS, ERR_TRADE_MODIFY_DENIED = 145, ERR_TRADE_CONTEXT_BUSY = 146, ERR_TRADE_EXPIRATION_DENIED, ERR_TRADE_TOO_MANY_ORDERS, ERR_TRADE_HEDGE_PROHIBITED, ERR_TRADE_PROHIBITED_BY_FIFO, ERR_HISTORY_WILL_UPDATED = 4066, ERR_NO_MQLERROR = 4000, ERR_GLOBAL_VARIABLE_NOT_FOUND = 4058, ERR_FUNCTION_NOT_CONFIRMED = 4060, ERR_UNKNOWN_SYMBOL = 4106, ERR_INVALID_PRICE_PARAM, ERR_INVALID_TICKET = 4108, ERR_TRADE_NOT_ALLOWED, ERR_LONGS_NOT_ALLOWED, ERR_SHORTS_NOT_ALLOWED, ERR_OBJECT_ALREADY_EXISTS = 4200, ERR_OBJECT_DOES_NOT_EXIST = 4202, ERR_NO_OBJECT_NAME = 4204, ERR_FILE_CANNOT_OPEN = 5004, ERR_CANNOT_OPEN_FILE = 4103, ERR_END_OF_FILE = 4099, ERR_SOME_FILE_ERROR, ERR_SUCCESS = 0, ERR_USER_ERROR_FIRST = 65536, ERR_HISTORY_NOT_FOUND = 4401, ERR_ARRAY_INDEX_OUT_OF_RANGE = 4002, ERR_MARKET_UNKNOWN_SYMBOL = 4301, ERR_FILE_NOT_EXIST = 5019, ERR_TRADE_SEND_FAILED = 4756, ERR_TRADE_POSITION_NOT_FOUND = 4753 };
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
bool GlobalVariableDel(const string &n); void GlobalVariablesFlush(); bool GlobalVariableGet(const string &n, double &out); bool GlobalVariableTemp(const string &n); datetime GlobalVariableTime(const string &n); int GlobalVariablesDeleteAll(const string &prefix = string(mql_NULL), datetime limit = 0); int GlobalVariablesTotal(); string GlobalVariableName(int place); bool GlobalVariableSetOnCondition(const string &n, double v, double check);

// --- files ---
enum { FILE_READ = 1, FILE_WRITE = 2, FILE_BIN = 4, FILE_CSV = 8, FILE_TXT = 16, FILE_ANSI = 32, FILE_UNICODE = 64, FILE_SHARE_READ = 128, FILE_SHARE_WRITE = 256, FILE_REWRITE = 512, FILE_COMMON = 4096, FILE_EXISTS = 0, FILE_CREATE_DATE, FILE_MODIFY_DATE, FILE_ACCESS_DATE, FILE_SIZE_, FILE_POSITION, FILE_END, FILE_LINE_END, FILE_IS_COMMON, FILE_IS_TEXT, FILE_IS_BINARY, FILE_IS_CSV };
const int SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2;
int FileOpen(const string &name, int flags, short separator = '\t', uint page = CP_ACP);
int FileOpen(const string &name, int flags, const string &separator, uint page = CP_ACP);
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
ushort mql_file_separator(int h); bool FileIsLineEnding(int h); double FileReadNumber(int h); mql_long FileGetInteger(int h, int what); mql_long FileGetInteger(const string &n, int what, bool common = false);
bool mql_file_is_binary(int h);
template <class T> T mql_file_one(int h) { T v = T(); mql_file_read(h, &v, (uint)sizeof v); return v; }
inline double FileReadDouble(int h, int size = 8) { return size == 4 ? (double)mql_file_one<float>(h) : mql_file_one<double>(h); }
inline float FileReadFloat(int h) { return mql_file_one<float>(h); }
inline mql_long FileReadLong(int h) { return mql_file_one<mql_long>(h); }
inline int FileReadInteger(int h, int size = 4) { return size == 1 ? (int)mql_file_one<char>(h) : size == 2 ? (int)mql_file_one<short>(h) : mql_file_one<int>(h); }
inline bool FileReadBool(int h) { string s = FileReadString(h); return s == string(u"true") || StringToInteger(s) != 0; }
inline datetime FileReadDatetime(int h) { return StringToTime(FileReadString(h)); }
inline uint FileWriteDouble(int h, double v, int size = 8) { float f = (float)v; return size == 4 ? mql_file_write(h, &f, 4) : mql_file_write(h, &v, 8); }
inline uint FileWriteFloat(int h, float v) { return mql_file_write(h, &v, 4); }
inline uint FileWriteInteger(int h, int v, int size = 4) { return mql_file_write(h, &v, (uint)size); }
inline uint FileWriteLong(int h, mql_long v) { return mql_file_write(h, &v, 8); }
mql_long FileFindFirst(const string &filter, string &name, int flags = 0); bool FileFindNext(mql_long search, string &name); void FileFindClose(mql_long search);
bool FolderClean(const string &n, int flags = 0); bool FolderDelete(const string &n, int flags = 0);
template <class... A> uint FileWrite(int h, const A &...a) {
  string s;
  ((s += string(a), s += ShortToString(mql_file_separator(h))), ...);
  s.s.resize(s.s.size() ? s.s.size() - 1 : 0);
  return FileWriteString(h, s + string(u"\r\n"));
}

// --- chart ---
enum { OBJ_VLINE, OBJ_HLINE, OBJ_TREND, OBJ_TRENDBYANGLE, OBJ_REGRESSION, OBJ_CHANNEL, OBJ_STDDEVCHANNEL, OBJ_GANNLINE, OBJ_GANNFAN, OBJ_GANNGRID, OBJ_FIBO, OBJ_FIBOTIMES, OBJ_FIBOFAN, OBJ_FIBOARC, OBJ_EXPANSION, OBJ_FIBOCHANNEL, OBJ_RECTANGLE, OBJ_TRIANGLE, OBJ_ELLIPSE, OBJ_PITCHFORK, OBJ_CYCLES, OBJ_TEXT, OBJ_ARROW, OBJ_LABEL, OBJ_BITMAP_LABEL, OBJ_BUTTON, OBJ_BITMAP, OBJ_EDIT, OBJ_RECTANGLE_LABEL, OBJ_ARROW_THUMB_UP, OBJ_ARROW_THUMB_DOWN, OBJ_ARROW_UP, OBJ_ARROW_DOWN, OBJ_ARROW_STOP, OBJ_ARROW_CHECK, OBJ_ARROW_LEFT_PRICE, OBJ_ARROW_RIGHT_PRICE, OBJ_ARROW_BUY, OBJ_ARROW_SELL, OBJ_EVENT, OBJ_CHART, OBJ_ARROWED_LINE, OBJ_ELLIOTWAVE5, OBJ_ELLIOTWAVE3 };
enum { OBJPROP_TEXT = 999, OBJPROP_COLOR = 6, OBJPROP_STYLE = 7, OBJPROP_WIDTH = 8, OBJPROP_BACK = 9, OBJPROP_FONTSIZE = 100, OBJPROP_FONT = 1001, OBJPROP_CORNER = 101, OBJPROP_XDISTANCE = 102, OBJPROP_YDISTANCE = 103, OBJPROP_STATE = 1018, OBJPROP_SELECTABLE = 1000, OBJPROP_HIDDEN = 208, OBJPROP_XSIZE = 1019, OBJPROP_YSIZE = 1020, OBJPROP_BGCOLOR = 1025, OBJPROP_PRICE1 = 1, OBJPROP_TIME1 = 0, OBJPROP_RAY = 10, OBJPROP_PRICE = 20, OBJPROP_TIME2 = 2, OBJPROP_PRICE2, OBJPROP_TIME3, OBJPROP_PRICE3, OBJPROP_ELLIPSE = 11, OBJPROP_SCALE, OBJPROP_ANGLE, OBJPROP_ARROWCODE, OBJPROP_TIMEFRAMES, OBJPROP_DEVIATION, OBJPROP_TIME = 19, OBJPROP_LEVELS = 200, OBJPROP_FIBOLEVELS = 200, OBJPROP_LEVELCOLOR, OBJPROP_LEVELSTYLE, OBJPROP_LEVELWIDTH, OBJPROP_LEVELVALUE, OBJPROP_LEVELTEXT, OBJPROP_FIRSTLEVEL = 210, OBJPROP_ZORDER = 207, OBJPROP_SELECTED = 1002, OBJPROP_RAY_LEFT, OBJPROP_RAY_RIGHT, OBJPROP_FILL, OBJPROP_TYPE, OBJPROP_NAME, OBJPROP_TOOLTIP, OBJPROP_ANCHOR = 1011, OBJPROP_DIRECTION, OBJPROP_DEGREE, OBJPROP_DRAWLINES, OBJPROP_CHART_SCALE, OBJPROP_DATE_SCALE, OBJPROP_PRICE_SCALE, OBJPROP_XOFFSET = 1021, OBJPROP_YOFFSET, OBJPROP_BORDER_TYPE = 1029, OBJPROP_BORDER_COLOR, OBJPROP_READONLY, OBJPROP_ALIGN, OBJPROP_BMPFILE, OBJPROP_PERIOD, OBJPROP_SYMBOL, OBJPROP_CREATETIME, OBJPROP_CHART_ID };
enum { ANCHOR_LEFT_UPPER, ANCHOR_LEFT, ANCHOR_LEFT_LOWER, ANCHOR_LOWER, ANCHOR_RIGHT_LOWER, ANCHOR_RIGHT, ANCHOR_RIGHT_UPPER, ANCHOR_UPPER, ANCHOR_CENTER, ANCHOR_TOP = 0, ANCHOR_BOTTOM };
enum { ALIGN_LEFT = 1, ALIGN_CENTER, ALIGN_RIGHT, BORDER_FLAT = 0, BORDER_RAISED, BORDER_SUNKEN };
enum { OBJ_NO_PERIODS = -1, OBJ_PERIOD_M1 = 1, OBJ_PERIOD_M5 = 2, OBJ_PERIOD_M15 = 4, OBJ_PERIOD_M30 = 8, OBJ_PERIOD_H1 = 16, OBJ_PERIOD_H4 = 32, OBJ_PERIOD_D1 = 64, OBJ_PERIOD_W1 = 128, OBJ_PERIOD_MN1 = 256, OBJ_ALL_PERIODS = 511 };
enum { DRAW_LINE, DRAW_SECTION, DRAW_HISTOGRAM, DRAW_ARROW, DRAW_ZIGZAG, DRAW_NONE = 12 };
enum { SYMBOL_THUMBSUP = 67, SYMBOL_THUMBSDOWN, SYMBOL_ARROWUP = 241, SYMBOL_ARROWDOWN, SYMBOL_STOPSIGN = 251, SYMBOL_CHECKSIGN, SYMBOL_LEFTPRICE = 5, SYMBOL_RIGHTPRICE };
enum { CHART_BARS, CHART_CANDLES, CHART_LINE, CHART_IS_OBJECT = 100, CHART_BRING_TO_TOP, CHART_CONTEXT_MENU, CHART_CROSSHAIR_TOOL, CHART_MOUSE_SCROLL, CHART_EVENT_MOUSE_WHEEL, CHART_EVENT_MOUSE_MOVE, CHART_EVENT_OBJECT_CREATE, CHART_EVENT_OBJECT_DELETE, CHART_MODE, CHART_FOREGROUND, CHART_SHIFT, CHART_AUTOSCROLL, CHART_KEYBOARD_CONTROL, CHART_QUICK_NAVIGATION, CHART_SCALE, CHART_SCALEFIX, CHART_SCALEFIX_11, CHART_SCALE_PT_PER_BAR, CHART_SHOW_TICKER, CHART_SHOW_OHLC, CHART_SHOW_BID_LINE, CHART_SHOW_ASK_LINE, CHART_SHOW_LAST_LINE, CHART_SHOW_PERIOD_SEP, CHART_SHOW_GRID, CHART_SHOW_VOLUMES, CHART_SHOW_OBJECT_DESCR, CHART_VISIBLE_BARS, CHART_WINDOWS_TOTAL, CHART_WINDOW_IS_VISIBLE, CHART_WINDOW_HANDLE, CHART_WINDOW_YDISTANCE, CHART_FIRST_VISIBLE_BAR, CHART_WIDTH_IN_BARS, CHART_WIDTH_IN_PIXELS, CHART_HEIGHT_IN_PIXELS, CHART_COLOR_BACKGROUND, CHART_COLOR_FOREGROUND, CHART_COLOR_GRID, CHART_COLOR_VOLUME, CHART_COLOR_CHART_UP, CHART_COLOR_CHART_DOWN, CHART_COLOR_CHART_LINE, CHART_COLOR_CANDLE_BULL, CHART_COLOR_CANDLE_BEAR, CHART_COLOR_BID, CHART_COLOR_ASK, CHART_COLOR_LAST, CHART_COLOR_STOP_LEVEL, CHART_SHOW_TRADE_LEVELS, CHART_DRAG_TRADE_LEVELS, CHART_SHOW_DATE_SCALE, CHART_SHOW_PRICE_SCALE, CHART_SHOW_ONE_CLICK, CHART_IS_MAXIMIZED, CHART_IS_MINIMIZED, CHART_IS_DOCKED, CHART_FLOAT_LEFT, CHART_EXPERT_NAME, CHART_SCRIPT_NAME, CHART_COMMENT, CHART_SHIFT_SIZE, CHART_FIXED_POSITION, CHART_FIXED_MAX, CHART_FIXED_MIN, CHART_POINTS_PER_BAR, CHART_PRICE_MIN, CHART_PRICE_MAX, CHART_BEGIN = 0, CHART_CURRENT_POS, CHART_END, CHART_VOLUME_HIDE = 0, CHART_VOLUME_TICK, CHART_VOLUME_REAL };
enum { IDOK = 1, IDCANCEL, IDABORT, IDRETRY, IDIGNORE, IDYES, IDNO, IDTRYAGAIN = 10, IDCONTINUE, MB_OK = 0, MB_OKCANCEL, MB_ABORTRETRYIGNORE, MB_YESNOCANCEL, MB_YESNO, MB_RETRYCANCEL, MB_ICONSTOP = 16, MB_ICONERROR = 16, MB_ICONHAND = 16, MB_ICONQUESTION = 32, MB_ICONEXCLAMATION = 48, MB_ICONWARNING = 48, MB_ICONINFORMATION = 64, MB_ICONASTERISK = 64, MB_DEFBUTTON1 = 0, MB_DEFBUTTON2 = 256, MB_TOPMOST = 0x40000 };
enum { CORNER_LEFT_UPPER, CORNER_RIGHT_UPPER, CORNER_LEFT_LOWER, CORNER_RIGHT_LOWER };
enum { STYLE_SOLID, STYLE_DASH, STYLE_DOT, STYLE_DASHDOT, STYLE_DASHDOTDOT };
bool ObjectCreate(const string &name, int type, int window, datetime t1, double p1, datetime t2 = 0, double p2 = 0, datetime t3 = 0, double p3 = 0);
bool ObjectCreate(mql_long chart, const string &name, int type, int window, datetime t1, double p1, datetime t2 = 0, double p2 = 0, datetime t3 = 0, double p3 = 0);
int ObjectFind(const string &name); int ObjectFind(mql_long chart, const string &name);
bool ObjectSetString(mql_long chart, const string &name, int property, const string &value);
bool ObjectSetInteger(mql_long chart, const string &name, int property, mql_long value);
bool ObjectSetDouble(mql_long chart, const string &name, int property, double value);
bool ObjectSetString(mql_long chart, const string &name, int property, int modifier, const string &value);
bool ObjectSetInteger(mql_long chart, const string &name, int property, int modifier, mql_long value);
bool ObjectSetDouble(mql_long chart, const string &name, int property, int modifier, double value);
bool ObjectSet(const string &name, int property, double value); double ObjectGet(const string &name, int property); int ObjectType(const string &name); string ObjectDescription(const string &name);
mql_long ObjectGetInteger(mql_long chart, const string &name, int property, int modifier = 0); double ObjectGetDouble(mql_long chart, const string &name, int property, int modifier = 0); string ObjectGetString(mql_long chart, const string &name, int property, int modifier = 0);
inline bool ObjectGetInteger(mql_long chart, const string &name, int property, int modifier, mql_long &out) { out = ObjectGetInteger(chart, name, property, modifier); return ObjectFind(name) >= 0; }
inline bool ObjectGetDouble(mql_long chart, const string &name, int property, int modifier, double &out) { out = ObjectGetDouble(chart, name, property, modifier); return ObjectFind(name) >= 0; }
inline bool ObjectGetString(mql_long chart, const string &name, int property, int modifier, string &out) { out = ObjectGetString(chart, name, property, modifier); return ObjectFind(name) >= 0; }
double ObjectGetValueByTime(mql_long chart, const string &name, datetime t, int line = 0); datetime ObjectGetTimeByValue(mql_long chart, const string &name, double v, int line = 0); double ObjectGetValueByShift(const string &name, int shift); int ObjectGetShiftByValue(const string &name, double v);
bool ObjectSetFiboDescription(const string &name, int level, const string &text); string ObjectGetFiboDescription(const string &name, int level);
bool ObjectSetText(const string &name, const string &text, int size = 0, const string &font = string(mql_NULL), color c = CLR_NONE);
bool ObjectDelete(const string &name); bool ObjectDelete(mql_long chart, const string &name);
int ObjectsTotal(int type = -1); string ObjectName(int place); int ObjectsDeleteAll(int window = -1, int type = -1); int ObjectsDeleteAll(mql_long chart, int window, int type); int ObjectsDeleteAll(mql_long chart, const string &prefix, int window = -1, int type = -1);
int ObjectsTotal(mql_long chart, int window, int type = -1); string ObjectName(mql_long chart, int place, int window = -1, int type = -1);
bool ObjectMove(const string &name, int point, datetime t, double p); bool ObjectMove(mql_long chart, const string &name, int point, datetime t, double p);
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
