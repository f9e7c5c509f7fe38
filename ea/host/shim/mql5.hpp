// What MQL5 has of its own: orders, positions, deals, and properties as enumerations. In the program's namespace, so that
// these names stand before those of MQL4.
#pragma once
#include "charts.hpp"

int mql_speaks(int language);
#ifdef __MQL5__  // in the program, which tells its language to the shim's files: they are the same for both
static const int mql_spoken = mql_speaks(5);
#endif

namespace ea {
enum ENUM_ACCOUNT_INFO_INTEGER { ACCOUNT_LOGIN = 0, ACCOUNT_TRADE_MODE = 32, ACCOUNT_TRADE_ALLOWED = 33, ACCOUNT_TRADE_EXPERT = 34, ACCOUNT_LEVERAGE = 35, ACCOUNT_MARGIN_MODE = 53, ACCOUNT_CURRENCY_DIGITS = 54, ACCOUNT_FIFO_CLOSE = 55, ACCOUNT_HEDGE_ALLOWED = 56, ACCOUNT_LIMIT_ORDERS = 47, ACCOUNT_MARGIN_SO_MODE = 44 };
enum ENUM_ACCOUNT_INFO_DOUBLE { ACCOUNT_BALANCE = 37, ACCOUNT_CREDIT = 38, ACCOUNT_PROFIT = 39, ACCOUNT_EQUITY = 40, ACCOUNT_MARGIN = 41, ACCOUNT_MARGIN_FREE = 42, ACCOUNT_FREEMARGIN = 42, ACCOUNT_MARGIN_LEVEL = 43, ACCOUNT_MARGIN_SO_CALL = 45, ACCOUNT_MARGIN_SO_SO = 46, ACCOUNT_MARGIN_INITIAL = 48, ACCOUNT_MARGIN_MAINTENANCE = 49, ACCOUNT_ASSETS = 50, ACCOUNT_LIABILITIES = 51, ACCOUNT_COMMISSION_BLOCKED = 52 };
enum ENUM_ACCOUNT_INFO_STRING { ACCOUNT_NAME = 1, ACCOUNT_COMPANY = 2, ACCOUNT_SERVER = 3, ACCOUNT_CURRENCY = 36 };
enum ENUM_ACCOUNT_MARGIN_MODE { ACCOUNT_MARGIN_MODE_RETAIL_NETTING, ACCOUNT_MARGIN_MODE_EXCHANGE, ACCOUNT_MARGIN_MODE_RETAIL_HEDGING };
mql_long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER what);
double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE what);
string AccountInfoString(ENUM_ACCOUNT_INFO_STRING what);

enum ENUM_SYMBOL_INFO_INTEGER { SYMBOL_SELECT = 0, SYMBOL_DIGITS = 17, SYMBOL_SPREAD = 18, SYMBOL_TRADE_CALC_MODE = 29, SYMBOL_TRADE_MODE = 30, SYMBOL_TRADE_STOPS_LEVEL = 31, SYMBOL_TRADE_FREEZE_LEVEL = 32, SYMBOL_TRADE_EXEMODE = 33, SYMBOL_EXPIRATION_MODE = 49, SYMBOL_FILLING_MODE = 50, SYMBOL_ORDER_MODE = 71, SYMBOL_TIME = 15, SYMBOL_VOLUME = 10, SYMBOL_VOLUMEHIGH, SYMBOL_VOLUMELOW, SYMBOL_SPREAD_FLOAT = 41, SYMBOL_SWAP_MODE = 37, SYMBOL_SWAP_ROLLOVER3DAYS = 40, SYMBOL_START_TIME = 51, SYMBOL_EXPIRATION_TIME = 52, SYMBOL_TICKS_BOOKDEPTH = 25, SYMBOL_SESSION_DEALS = 56, SYMBOL_ORDER_GTC_MODE = 80, SYMBOL_VISIBLE = 76, SYMBOL_EXIST = 77, SYMBOL_CUSTOM = 78, SYMBOL_TIME_MSC = 81, SYMBOL_MARGIN_HEDGED_USE_LEG = 82, SYMBOL_SECTOR = 83 };
enum ENUM_SYMBOL_INFO_DOUBLE { SYMBOL_BID = 1, SYMBOL_ASK = 4, SYMBOL_POINT = 16, SYMBOL_TRADE_TICK_VALUE = 26, SYMBOL_TRADE_TICK_SIZE = 27, SYMBOL_TRADE_CONTRACT_SIZE = 28, SYMBOL_VOLUME_MIN = 34, SYMBOL_VOLUME_MAX = 35, SYMBOL_VOLUME_STEP = 36, SYMBOL_LAST = 7, SYMBOL_BIDHIGH = 2, SYMBOL_BIDLOW = 3, SYMBOL_ASKHIGH = 5, SYMBOL_ASKLOW = 6, SYMBOL_LASTHIGH = 8, SYMBOL_LASTLOW = 9, SYMBOL_SWAP_LONG = 38, SYMBOL_SWAP_SHORT = 39, SYMBOL_MARGIN_INITIAL = 42, SYMBOL_MARGIN_MAINTENANCE = 43, SYMBOL_MARGIN_HEDGED = 44, SYMBOL_VOLUME_LIMIT = 55, SYMBOL_TRADE_TICK_VALUE_PROFIT = 53, SYMBOL_TRADE_TICK_VALUE_LOSS = 54, SYMBOL_SESSION_OPEN = 90, SYMBOL_SESSION_CLOSE, SYMBOL_PRICE_CHANGE, SYMBOL_OPTION_STRIKE, SYMBOL_VOLUME_REAL };
enum ENUM_SYMBOL_INFO_STRING { SYMBOL_CURRENCY_BASE = 22, SYMBOL_CURRENCY_PROFIT = 23, SYMBOL_CURRENCY_MARGIN = 24, SYMBOL_DESCRIPTION = 20, SYMBOL_PATH = 106, SYMBOL_BANK = 107, SYMBOL_ISIN = 108, SYMBOL_BASIS = 109, SYMBOL_EXCHANGE = 110, SYMBOL_FORMULA = 111, SYMBOL_PAGE = 112, SYMBOL_CATEGORY = 113 };
enum ENUM_ACCOUNT_TRADE_MODE { ACCOUNT_TRADE_MODE_DEMO, ACCOUNT_TRADE_MODE_CONTEST, ACCOUNT_TRADE_MODE_REAL };
enum ENUM_ACCOUNT_STOPOUT_MODE { ACCOUNT_STOPOUT_MODE_PERCENT, ACCOUNT_STOPOUT_MODE_MONEY };
enum ENUM_SYMBOL_SWAP_MODE { SYMBOL_SWAP_MODE_DISABLED, SYMBOL_SWAP_MODE_POINTS };
enum { SYMBOL_EXPIRATION_GTC = 1, SYMBOL_EXPIRATION_DAY = 2, SYMBOL_EXPIRATION_SPECIFIED = 4, SYMBOL_EXPIRATION_SPECIFIED_DAY = 8, SYMBOL_ORDER_MARKET = 1, SYMBOL_ORDER_LIMIT = 2, SYMBOL_ORDER_STOP = 4, SYMBOL_ORDER_STOP_LIMIT = 8, SYMBOL_ORDER_SL = 16, SYMBOL_ORDER_TP = 32, SYMBOL_ORDER_CLOSEBY = 64 };
enum { TICK_FLAG_BID = 2, TICK_FLAG_ASK = 4, TICK_FLAG_LAST = 8, TICK_FLAG_VOLUME = 16, TICK_FLAG_BUY = 32, TICK_FLAG_SELL = 64, COPY_TICKS_ALL = -1, COPY_TICKS_INFO = 1, COPY_TICKS_TRADE = 2 };
enum ENUM_SYMBOL_TRADE_MODE { SYMBOL_TRADE_MODE_DISABLED, SYMBOL_TRADE_MODE_LONGONLY, SYMBOL_TRADE_MODE_SHORTONLY, SYMBOL_TRADE_MODE_CLOSEONLY, SYMBOL_TRADE_MODE_FULL };
enum ENUM_SYMBOL_CALC_MODE { SYMBOL_CALC_MODE_FOREX, SYMBOL_CALC_MODE_FUTURES, SYMBOL_CALC_MODE_CFD, SYMBOL_CALC_MODE_CFDINDEX, SYMBOL_CALC_MODE_CFDLEVERAGE, SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE };
enum ENUM_SYMBOL_TRADE_EXECUTION { SYMBOL_TRADE_EXECUTION_REQUEST, SYMBOL_TRADE_EXECUTION_INSTANT, SYMBOL_TRADE_EXECUTION_MARKET, SYMBOL_TRADE_EXECUTION_EXCHANGE };
enum { SYMBOL_FILLING_FOK = 1, SYMBOL_FILLING_IOC = 2 };
struct MqlTick { datetime time; double bid, ask, last; mql_ulong volume; mql_long time_msc; uint flags; double volume_real; };
mql_long SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER what);
bool SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER what, mql_long &out);
double SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE what);
bool SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE what, double &out);
string SymbolInfoString(const string &symbol, ENUM_SYMBOL_INFO_STRING what);
bool SymbolInfoTick(const string &symbol, MqlTick &out);
datetime TimeTradeServer();

enum ENUM_ORDER_TYPE { ORDER_TYPE_BUY, ORDER_TYPE_SELL, ORDER_TYPE_BUY_LIMIT, ORDER_TYPE_SELL_LIMIT, ORDER_TYPE_BUY_STOP, ORDER_TYPE_SELL_STOP, ORDER_TYPE_BUY_STOP_LIMIT, ORDER_TYPE_SELL_STOP_LIMIT, ORDER_TYPE_CLOSE_BY };
enum ENUM_ORDER_TYPE_FILLING { ORDER_FILLING_FOK, ORDER_FILLING_IOC, ORDER_FILLING_RETURN, ORDER_FILLING_BOC };
enum ENUM_ORDER_TYPE_TIME { ORDER_TIME_GTC, ORDER_TIME_DAY, ORDER_TIME_SPECIFIED, ORDER_TIME_SPECIFIED_DAY };
enum ENUM_ORDER_STATE { ORDER_STATE_STARTED, ORDER_STATE_PLACED, ORDER_STATE_CANCELED, ORDER_STATE_PARTIAL, ORDER_STATE_FILLED, ORDER_STATE_REJECTED, ORDER_STATE_EXPIRED, ORDER_STATE_REQUEST_ADD, ORDER_STATE_REQUEST_MODIFY, ORDER_STATE_REQUEST_CANCEL };
enum ENUM_TRADE_REQUEST_ACTIONS { TRADE_ACTION_DEAL = 1, TRADE_ACTION_PENDING = 5, TRADE_ACTION_SLTP = 6, TRADE_ACTION_MODIFY = 7, TRADE_ACTION_REMOVE = 8, TRADE_ACTION_CLOSE_BY = 10 };
enum { TRADE_RETCODE_REQUOTE = 10004, TRADE_RETCODE_REJECT = 10006, TRADE_RETCODE_CANCEL, TRADE_RETCODE_PLACED, TRADE_RETCODE_DONE, TRADE_RETCODE_DONE_PARTIAL, TRADE_RETCODE_ERROR, TRADE_RETCODE_TIMEOUT, TRADE_RETCODE_INVALID, TRADE_RETCODE_INVALID_VOLUME, TRADE_RETCODE_INVALID_PRICE, TRADE_RETCODE_INVALID_STOPS, TRADE_RETCODE_TRADE_DISABLED, TRADE_RETCODE_MARKET_CLOSED, TRADE_RETCODE_NO_MONEY, TRADE_RETCODE_PRICE_CHANGED, TRADE_RETCODE_PRICE_OFF, TRADE_RETCODE_INVALID_EXPIRATION, TRADE_RETCODE_ORDER_CHANGED, TRADE_RETCODE_TOO_MANY_REQUESTS, TRADE_RETCODE_NO_CHANGES, TRADE_RETCODE_SERVER_DISABLES_AT, TRADE_RETCODE_CLIENT_DISABLES_AT, TRADE_RETCODE_LOCKED, TRADE_RETCODE_FROZEN, TRADE_RETCODE_INVALID_FILL, TRADE_RETCODE_CONNECTION, TRADE_RETCODE_ONLY_REAL, TRADE_RETCODE_LIMIT_ORDERS, TRADE_RETCODE_LIMIT_VOLUME, TRADE_RETCODE_INVALID_ORDER, TRADE_RETCODE_POSITION_CLOSED, TRADE_RETCODE_INVALID_CLOSE_VOLUME = 10038, TRADE_RETCODE_CLOSE_ORDER_EXIST, TRADE_RETCODE_LIMIT_POSITIONS, TRADE_RETCODE_REJECT_CANCEL, TRADE_RETCODE_LONG_ONLY, TRADE_RETCODE_SHORT_ONLY, TRADE_RETCODE_CLOSE_ONLY, TRADE_RETCODE_FIFO_CLOSE, TRADE_RETCODE_HEDGE_PROHIBITED };
struct MqlTradeRequest {
  ENUM_TRADE_REQUEST_ACTIONS action; mql_ulong magic, order; string symbol; double volume, price, stoplimit, sl, tp; mql_ulong deviation;
  ENUM_ORDER_TYPE type; ENUM_ORDER_TYPE_FILLING type_filling; ENUM_ORDER_TYPE_TIME type_time; datetime expiration; string comment; mql_ulong position, position_by;
};
struct MqlTradeResult { uint retcode; mql_ulong deal, order; double volume, price, bid, ask; string comment; uint request_id; int retcode_external; };
bool OrderSend(const MqlTradeRequest &request, MqlTradeResult &result);
inline bool OrderSendAsync(const MqlTradeRequest &request, MqlTradeResult &result) { return OrderSend(request, result); }
struct MqlTradeCheckResult { uint retcode; double balance, equity, profit, margin, margin_free, margin_level; string comment; };
bool OrderCheck(const MqlTradeRequest &request, MqlTradeCheckResult &result);
bool OrderCalcMargin(ENUM_ORDER_TYPE type, const string &symbol, double lots, double price, double &margin);
bool OrderCalcProfit(ENUM_ORDER_TYPE type, const string &symbol, double lots, double opened, double closed, double &profit);

enum ENUM_POSITION_TYPE { POSITION_TYPE_BUY, POSITION_TYPE_SELL };
enum ENUM_POSITION_PROPERTY_INTEGER { POSITION_TICKET, POSITION_TIME, POSITION_TIME_MSC, POSITION_TYPE, POSITION_MAGIC, POSITION_IDENTIFIER, POSITION_TIME_UPDATE, POSITION_TIME_UPDATE_MSC, POSITION_REASON };
enum ENUM_POSITION_PROPERTY_DOUBLE { POSITION_VOLUME, POSITION_PRICE_OPEN, POSITION_SL, POSITION_TP, POSITION_SWAP, POSITION_PROFIT, POSITION_PRICE_CURRENT, POSITION_COMMISSION };
enum ENUM_POSITION_PROPERTY_STRING { POSITION_SYMBOL, POSITION_COMMENT, POSITION_EXTERNAL_ID };
enum ENUM_POSITION_REASON { POSITION_REASON_CLIENT, POSITION_REASON_MOBILE, POSITION_REASON_WEB, POSITION_REASON_EXPERT };
int PositionsTotal();
mql_ulong PositionGetTicket(int place);
bool PositionSelectByTicket(mql_ulong ticket);
bool PositionSelect(const string &symbol);
string PositionGetSymbol(int place);
mql_long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER what);
double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE what);
string PositionGetString(ENUM_POSITION_PROPERTY_STRING what);
inline bool PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER what, mql_long &out) { out = PositionGetInteger(what); return true; }
inline bool PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE what, double &out) { out = PositionGetDouble(what); return true; }
inline bool PositionGetString(ENUM_POSITION_PROPERTY_STRING what, string &out) { out = PositionGetString(what); return true; }

enum ENUM_ORDER_PROPERTY_INTEGER { ORDER_TICKET, ORDER_TIME_SETUP, ORDER_TYPE, ORDER_STATE, ORDER_TIME_EXPIRATION, ORDER_TIME_DONE, ORDER_MAGIC, ORDER_POSITION_ID, ORDER_TYPE_FILLING, ORDER_TYPE_TIME, ORDER_REASON, ORDER_TIME_SETUP_MSC, ORDER_TIME_DONE_MSC, ORDER_POSITION_BY_ID };
enum ENUM_ORDER_PROPERTY_DOUBLE { ORDER_VOLUME_INITIAL, ORDER_VOLUME_CURRENT, ORDER_PRICE_OPEN, ORDER_SL, ORDER_TP, ORDER_PRICE_CURRENT, ORDER_PRICE_STOPLIMIT };
enum ENUM_ORDER_PROPERTY_STRING { ORDER_SYMBOL, ORDER_COMMENT, ORDER_EXTERNAL_ID };
int OrdersTotal();
mql_ulong OrderGetTicket(int place);
bool OrderSelect(mql_ulong ticket);
mql_long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER what);
double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE what);
string OrderGetString(ENUM_ORDER_PROPERTY_STRING what);
inline bool OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER what, mql_long &out) { out = OrderGetInteger(what); return true; }
inline bool OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE what, double &out) { out = OrderGetDouble(what); return true; }
inline bool OrderGetString(ENUM_ORDER_PROPERTY_STRING what, string &out) { out = OrderGetString(what); return true; }

enum ENUM_DEAL_TYPE { DEAL_TYPE_BUY, DEAL_TYPE_SELL, DEAL_TYPE_BALANCE, DEAL_TYPE_CREDIT, DEAL_TYPE_CHARGE, DEAL_TYPE_CORRECTION, DEAL_TYPE_BONUS, DEAL_TYPE_COMMISSION };
enum ENUM_DEAL_ENTRY { DEAL_ENTRY_IN, DEAL_ENTRY_OUT, DEAL_ENTRY_INOUT, DEAL_ENTRY_OUT_BY };
enum ENUM_DEAL_REASON { DEAL_REASON_CLIENT, DEAL_REASON_MOBILE, DEAL_REASON_WEB, DEAL_REASON_EXPERT, DEAL_REASON_SL, DEAL_REASON_TP, DEAL_REASON_SO, DEAL_REASON_ROLLOVER, DEAL_REASON_VMARGIN, DEAL_REASON_SPLIT };
enum ENUM_DEAL_PROPERTY_INTEGER { DEAL_TICKET, DEAL_ORDER, DEAL_TIME, DEAL_TYPE, DEAL_ENTRY, DEAL_MAGIC, DEAL_REASON, DEAL_POSITION_ID, DEAL_TIME_MSC };
enum ENUM_DEAL_PROPERTY_DOUBLE { DEAL_VOLUME, DEAL_PRICE, DEAL_COMMISSION, DEAL_SWAP, DEAL_PROFIT, DEAL_FEE, DEAL_SL, DEAL_TP };
enum ENUM_DEAL_PROPERTY_STRING { DEAL_SYMBOL, DEAL_COMMENT, DEAL_EXTERNAL_ID };
bool HistorySelect(datetime from, datetime to);
bool HistorySelectByPosition(mql_long position);
int HistoryDealsTotal();
mql_ulong HistoryDealGetTicket(int place);
bool HistoryDealSelect(mql_ulong ticket);
mql_long HistoryDealGetInteger(mql_ulong ticket, ENUM_DEAL_PROPERTY_INTEGER what);
double HistoryDealGetDouble(mql_ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE what);
string HistoryDealGetString(mql_ulong ticket, ENUM_DEAL_PROPERTY_STRING what);
inline bool HistoryDealGetInteger(mql_ulong ticket, ENUM_DEAL_PROPERTY_INTEGER what, mql_long &out) { out = HistoryDealGetInteger(ticket, what); return true; }
inline bool HistoryDealGetDouble(mql_ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE what, double &out) { out = HistoryDealGetDouble(ticket, what); return true; }
inline bool HistoryDealGetString(mql_ulong ticket, ENUM_DEAL_PROPERTY_STRING what, string &out) { out = HistoryDealGetString(ticket, what); return true; }
bool HistoryOrderSelect(mql_ulong ticket);
int HistoryOrdersTotal();
mql_ulong HistoryOrderGetTicket(int place);
mql_long HistoryOrderGetInteger(mql_ulong ticket, ENUM_ORDER_PROPERTY_INTEGER what);
double HistoryOrderGetDouble(mql_ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE what);
string HistoryOrderGetString(mql_ulong ticket, ENUM_ORDER_PROPERTY_STRING what);
inline bool HistoryOrderGetInteger(mql_ulong ticket, ENUM_ORDER_PROPERTY_INTEGER what, mql_long &out) { out = HistoryOrderGetInteger(ticket, what); return true; }
inline bool HistoryOrderGetDouble(mql_ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE what, double &out) { out = HistoryOrderGetDouble(ticket, what); return true; }
inline bool HistoryOrderGetString(mql_ulong ticket, ENUM_ORDER_PROPERTY_STRING what, string &out) { out = HistoryOrderGetString(ticket, what); return true; }

enum ENUM_TRADE_TRANSACTION_TYPE { TRADE_TRANSACTION_ORDER_ADD, TRADE_TRANSACTION_ORDER_UPDATE, TRADE_TRANSACTION_ORDER_DELETE, TRADE_TRANSACTION_DEAL_ADD, TRADE_TRANSACTION_HISTORY_ADD = 6, TRADE_TRANSACTION_HISTORY_UPDATE, TRADE_TRANSACTION_HISTORY_DELETE, TRADE_TRANSACTION_POSITION, TRADE_TRANSACTION_REQUEST, TRADE_TRANSACTION_DEAL_UPDATE, TRADE_TRANSACTION_DEAL_DELETE };
struct MqlTradeTransaction { mql_ulong deal, order; string symbol; ENUM_TRADE_TRANSACTION_TYPE type; ENUM_ORDER_TYPE order_type; ENUM_DEAL_TYPE deal_type; double price, volume; mql_ulong position, position_by; ENUM_ORDER_STATE order_state; ENUM_ORDER_TYPE_TIME time_type; datetime time_expiration; double price_trigger, price_sl, price_tp; };

// --- indicators, by handle ---
enum { BASE_LINE, UPPER_BAND, LOWER_BAND, MAIN_LINE = 0, SIGNAL_LINE, PLUSDI_LINE = 1, MINUSDI_LINE, UPPER_LINE = 0, LOWER_LINE, GATORJAW_LINE = 0, GATORTEETH_LINE, GATORLIPS_LINE, TENKANSEN_LINE = 0, KIJUNSEN_LINE, SENKOUSPANA_LINE, SENKOUSPANB_LINE, CHIKOUSPAN_LINE };
enum ENUM_APPLIED_VOLUME { VOLUME_TICK, VOLUME_REAL };
template <class... A> int mql_handle(const char *name, const string &symbol, int frame, A... given) { return mql_indicator(name, symbol, frame, {(double)given...}); }
inline int iMA(const string &s, int f, int period, int shift, int method, int price) { return mql_handle("MA", s, f, period, shift, method, price); }
inline int iATR(const string &s, int f, int period) { return mql_handle("ATR", s, f, period); }
inline int iRSI(const string &s, int f, int period, int price) { return mql_handle("RSI", s, f, period, price); }
inline int iMACD(const string &s, int f, int fast, int slow, int signal, int price) { return mql_handle("MACD", s, f, fast, slow, signal, price); }
inline int iOsMA(const string &s, int f, int fast, int slow, int signal, int price) { return mql_handle("OsMA", s, f, fast, slow, signal, price); }
inline int iStochastic(const string &s, int f, int k, int d, int slowing, int method, int field) { return mql_handle("Stochastic", s, f, k, d, slowing, method, field); }
inline int iBands(const string &s, int f, int period, int shift, double deviation, int price) { return mql_handle("Bands", s, f, period, shift, deviation, price); }
inline int iEnvelopes(const string &s, int f, int period, int shift, int method, int price, double deviation) { return mql_handle("Envelopes", s, f, period, shift, method, price, deviation); }
inline int iStdDev(const string &s, int f, int period, int shift, int method, int price) { return mql_handle("StdDev", s, f, period, shift, method, price); }
inline int iCCI(const string &s, int f, int period, int price) { return mql_handle("CCI", s, f, period, price); }
inline int iADX(const string &s, int f, int period) { return mql_handle("ADX", s, f, period); }
inline int iADXWilder(const string &s, int f, int period) { return mql_handle("ADX", s, f, period); }
inline int iSAR(const string &s, int f, double step, double most) { return mql_handle("SAR", s, f, step, most); }
inline int iMomentum(const string &s, int f, int period, int price) { return mql_handle("Momentum", s, f, period, price); }
inline int iWPR(const string &s, int f, int period) { return mql_handle("WPR", s, f, period); }
inline int iDeMarker(const string &s, int f, int period) { return mql_handle("DeMarker", s, f, period); }
inline int iForce(const string &s, int f, int period, int method, int) { return mql_handle("Force", s, f, period, method, PRICE_CLOSE); }
inline int iMFI(const string &s, int f, int period, int) { return mql_handle("MFI", s, f, period); }
inline int iOBV(const string &s, int f, int) { return mql_handle("OBV", s, f); }
inline int iAD(const string &s, int f, int) { return mql_handle("AD", s, f); }
inline int iAO(const string &s, int f) { return mql_handle("AO", s, f); }
inline int iAC(const string &s, int f) { return mql_handle("AC", s, f); }
inline int iBWMFI(const string &s, int f, int) { return mql_handle("BWMFI", s, f); }
inline int iRVI(const string &s, int f, int period) { return mql_handle("RVI", s, f, period); }
inline int iFractals(const string &s, int f) { return mql_handle("Fractals", s, f); }
inline int iBearsPower(const string &s, int f, int period) { return mql_handle("BearsPower", s, f, period); }
inline int iBullsPower(const string &s, int f, int period) { return mql_handle("BullsPower", s, f, period); }
inline int iAlligator(const string &s, int f, int jaw, int jaw_shift, int teeth, int teeth_shift, int lips, int lips_shift, int method, int price) { return mql_handle("Alligator", s, f, jaw, jaw_shift, teeth, teeth_shift, lips, lips_shift, method, price); }
inline int iIchimoku(const string &s, int f, int tenkan, int kijun, int senkou) { return mql_handle("Ichimoku", s, f, tenkan, kijun, senkou); }
inline int iDEMA(const string &s, int f, int period, int shift, int price) { return mql_handle("DEMA", s, f, period, shift, price); }
inline int iTEMA(const string &s, int f, int period, int shift, int price) { return mql_handle("TEMA", s, f, period, shift, price); }
inline int iTriX(const string &s, int f, int period, int price) { return mql_handle("TriX", s, f, period, price); }
inline int iAMA(const string &s, int f, int period, int fast, int slow, int shift, int price) { return mql_handle("AMA", s, f, period, fast, slow, shift, price); }
inline int iVolumes(const string &s, int f, int) { return mql_handle("Volumes", s, f); }
inline int iChaikin(const string &s, int f, int fast, int slow, int method, int) { return mql_handle("Chaikin", s, f, fast, slow, method); }
template <class... A> int iCustom(const string &, int, const string &name, const A &...) { mql_no_custom(name); return INVALID_HANDLE; }
inline int BarsCalculated(int handle) { return mql_values(handle); }
inline bool IndicatorRelease(int) { return true; }
inline bool ChartIndicatorAdd(mql_long, int, int) { return true; }
template <class T> int CopyBuffer(int handle, int buffer, int start, int count, Array<T> &out) {
  int all = mql_values(handle);
  if (all < 0 || start < 0 || start >= all) return -1;
  count = mql_room(out, count < all - start ? count : all - start);
  for (int i = 0; i < count; i++) out.data()[count - 1 - i] = (T)mql_value(handle, buffer, start + i);
  return count;
}
mql_range mql_of_handle(int handle, datetime start, datetime stop);
template <class T> int CopyBuffer(int handle, int buffer, datetime start, int count, Array<T> &out) { return CopyBuffer(handle, buffer, mql_of_handle(handle, start, start).from, count, out); }
template <class T> int CopyBuffer(int handle, int buffer, datetime start, datetime stop, Array<T> &out) { mql_range r = mql_of_handle(handle, start, stop); return CopyBuffer(handle, buffer, r.from, r.count, out); }
}  // namespace ea
