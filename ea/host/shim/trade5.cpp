// MQL5's positions, orders and deals, asked from the simulator: rows of words, in the order of the lists below.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>
#include "mql.hpp"
#include "mql5.hpp"
#include "inside.hpp"

namespace ea {
namespace {
typedef std::vector<std::string> Words;
struct Rows {  // a list and its places by ticket: programs ask for one property of one row at a time
  std::vector<Words> list;
  std::unordered_map<mql_ulong, size_t> places;
};
Rows positions, orders, deals, ended;
Words position, order;

double number(const Words &w, size_t place) { return place < w.size() ? atof(w[place].c_str()) : 0; }
mql_long whole(const Words &w, size_t place) { return place < w.size() ? atoll(w[place].c_str()) : 0; }
string text(const Words &w, size_t place) { return place < w.size() ? mql_make(w[place]) : string(); }

void clear(Rows &rows) { rows.list.clear(); rows.places.clear(); }
int pull(const std::string &question, Rows &rows) {
  clear(rows);
  std::string answer = mql_ask(question);
  if (!answer.empty()) for (auto &line : mql_split(answer, '\x1e')) {
    rows.list.push_back(mql_split(line, '\t'));
    rows.places[(mql_ulong)whole(rows.list.back(), 0)] = rows.list.size() - 1;
  }
  return (int)rows.list.size();
}
mql_ulong at(const Rows &rows, int place, Words *selected) {
  if (place < 0 || place >= (int)rows.list.size()) { mql_fail(4756); return 0; }
  if (selected) *selected = rows.list[(size_t)place];
  return (mql_ulong)whole(rows.list[(size_t)place], 0);
}
bool choose(const Rows &rows, mql_ulong ticket, Words &selected, int code) {
  auto found = rows.places.find(ticket);
  if (found == rows.places.end()) { mql_fail(code); return false; }
  selected = rows.list[found->second];
  return true;
}
const Words &row_of(const Rows &rows, mql_ulong ticket) {
  static const Words none;
  auto found = rows.places.find(ticket);
  if (found == rows.places.end()) { mql_fail(4755); return none; }
  return rows.list[found->second];
}
std::string exact(double v) { char b[64]; snprintf(b, sizeof b, "%.10g", v); return b; }
std::string account(const char *what) { return mql_ask(std::string("account\t") + what); }
std::string symbol_of(const string &symbol, const std::string &what) { return mql_ask("symbol\t" + mql_plain(symbol.null ? Symbol() : symbol) + "\t" + what); }
}  // namespace

// position: ticket, identifier, type, symbol, volume, price, time, sl, tp, comment, magic, swap, profit
int PositionsTotal() { return pull("positions", positions); }
mql_ulong PositionGetTicket(int place) { return at(positions, place, &position); }
bool PositionSelectByTicket(mql_ulong ticket) { PositionsTotal(); return choose(positions, ticket, position, 4753); }
bool PositionSelect(const string &symbol) {
  PositionsTotal();
  for (auto &row : positions.list) if (text(row, 3) == (symbol.null ? Symbol() : symbol)) { position = row; return true; }
  mql_fail(4753);
  return false;
}
string PositionGetSymbol(int place) { return PositionGetTicket(place) ? text(position, 3) : string(); }
mql_long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER what) {
  switch (what) {
    case POSITION_TICKET: return whole(position, 0);
    case POSITION_IDENTIFIER: return whole(position, 1);
    case POSITION_TYPE: return whole(position, 2);
    case POSITION_TIME: return whole(position, 6);
    case POSITION_TIME_MSC: return whole(position, 6) * 1000;
    case POSITION_MAGIC: return whole(position, 10);
    case POSITION_TIME_UPDATE: return whole(position, 6);
    case POSITION_TIME_UPDATE_MSC: return whole(position, 6) * 1000;
    case POSITION_REASON: return POSITION_REASON_EXPERT;
  }
  return 0;
}
double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE what) {
  static const size_t places[] = {4, 5, 7, 8, 11, 12, 5, 13};
  if (what == POSITION_PRICE_CURRENT || what == POSITION_PROFIT) {  // what it would be closed at, and bring, now
    bool buys = whole(position, 2) == POSITION_TYPE_BUY;
    double now = SymbolInfoDouble(text(position, 3), buys ? SYMBOL_BID : SYMBOL_ASK);
    return what == POSITION_PRICE_CURRENT ? now : NormalizeDouble((now - number(position, 5)) * (buys ? 1 : -1) * number(position, 4) * SymbolInfoDouble(text(position, 3), SYMBOL_TRADE_CONTRACT_SIZE), 2);
  }
  return number(position, places[what]);
}
string PositionGetString(ENUM_POSITION_PROPERTY_STRING what) { return text(position, what == POSITION_SYMBOL ? 3 : 9); }

// order: ticket, position, type, symbol, volume, left, price, set up, sl, tp, comment, magic, expiration, done, state
static mql_long order_integer(const Words &w, ENUM_ORDER_PROPERTY_INTEGER what) {
  static const size_t places[] = {0, 7, 2, 14, 12, 13, 11, 1};
  if (what == ORDER_TIME_SETUP_MSC || what == ORDER_TIME_DONE_MSC) return whole(w, what == ORDER_TIME_SETUP_MSC ? 7 : 13) * 1000;
  if (what > ORDER_POSITION_ID) return 0;
  return whole(w, places[what]);
}
static double order_double(const Words &w, ENUM_ORDER_PROPERTY_DOUBLE what) {
  static const size_t places[] = {4, 5, 6, 8, 9};
  if (what == ORDER_PRICE_CURRENT) return SymbolInfoDouble(text(w, 3), whole(w, 2) % 2 ? SYMBOL_BID : SYMBOL_ASK);
  if (what > ORDER_TP) return 0;
  return number(w, places[what]);
}
int OrdersTotal() { return pull("pending", orders); }
mql_ulong OrderGetTicket(int place) { return at(orders, place, &order); }
bool OrderSelect(mql_ulong ticket) { OrdersTotal(); return choose(orders, ticket, order, 4754); }
mql_long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER what) { return order_integer(order, what); }
double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE what) { return order_double(order, what); }
string OrderGetString(ENUM_ORDER_PROPERTY_STRING what) { return text(order, what == ORDER_SYMBOL ? 3 : 10); }

// deal: ticket, order, position, type, entry, symbol, volume, price, time, commission, swap, profit, fee, magic, comment, reason
bool HistorySelect(datetime from, datetime to) {
  std::string bounds = "\t" + std::to_string(from) + "\t" + std::to_string(to);
  pull("deals" + bounds, deals);
  pull("ended" + bounds, ended);
  return true;
}
bool HistorySelectByPosition(mql_long id) {
  clear(ended);
  return pull("deals_of\t" + std::to_string(id), deals) > 0;
}
int HistoryDealsTotal() { return (int)deals.list.size(); }
mql_ulong HistoryDealGetTicket(int place) { return at(deals, place, nullptr); }
bool HistoryDealSelect(mql_ulong ticket) { clear(ended); return pull("deal\t" + std::to_string(ticket), deals) > 0; }
mql_long HistoryDealGetInteger(mql_ulong ticket, ENUM_DEAL_PROPERTY_INTEGER what) {
  static const size_t places[] = {0, 1, 8, 3, 4, 13, 15, 2};
  if (what == DEAL_TIME_MSC) return whole(row_of(deals, ticket), 8) * 1000;
  return whole(row_of(deals, ticket), places[what]);
}
double HistoryDealGetDouble(mql_ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE what) {
  static const size_t places[] = {6, 7, 9, 10, 11, 12, 16, 17};
  return number(row_of(deals, ticket), places[what]);
}
string HistoryDealGetString(mql_ulong ticket, ENUM_DEAL_PROPERTY_STRING what) { return text(row_of(deals, ticket), what == DEAL_SYMBOL ? 5 : 14); }
bool HistoryOrderSelect(mql_ulong ticket) { HistorySelect(0, TimeCurrent() + 86400); return ended.places.count(ticket) > 0; }
int HistoryOrdersTotal() { return (int)ended.list.size(); }
mql_ulong HistoryOrderGetTicket(int place) { return at(ended, place, nullptr); }
mql_long HistoryOrderGetInteger(mql_ulong ticket, ENUM_ORDER_PROPERTY_INTEGER what) { return order_integer(row_of(ended, ticket), what); }
double HistoryOrderGetDouble(mql_ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE what) { return order_double(row_of(ended, ticket), what); }
string HistoryOrderGetString(mql_ulong ticket, ENUM_ORDER_PROPERTY_STRING what) { return text(row_of(ended, ticket), what == ORDER_SYMBOL ? 3 : 10); }

bool OrderSend(const MqlTradeRequest &q, MqlTradeResult &result) {
  result = MqlTradeResult();
  std::string words[] = {"request", std::to_string((int)q.action), mql_plain(q.symbol), std::to_string((int)q.type), exact(q.volume), exact(q.price), exact(q.sl), exact(q.tp), std::to_string(q.deviation), std::to_string((int)q.type_filling), std::to_string((int)q.type_time), std::to_string(q.expiration), mql_plain(q.comment), std::to_string(q.magic), std::to_string(q.order), std::to_string(q.position), std::to_string(q.position_by)};
  std::string question;
  for (auto &w : words) (question += question.empty() ? "" : "\t") += w;
  Words w = mql_split(mql_ask(question), '\t');
  result.retcode = (uint)whole(w, 0);
  result.deal = (mql_ulong)whole(w, 1);
  result.order = (mql_ulong)whole(w, 2);
  result.volume = number(w, 3);
  result.price = number(w, 4);
  bool accepted = result.retcode >= TRADE_RETCODE_PLACED && result.retcode <= TRADE_RETCODE_DONE_PARTIAL;
  mql_fail(accepted ? 0 : 4756);
  return accepted;
}

bool OrderCalcMargin(ENUM_ORDER_TYPE, const string &symbol, double lots, double price, double &margin) {
  margin = NormalizeDouble(lots * SymbolInfoDouble(symbol, SYMBOL_TRADE_CONTRACT_SIZE) * price / (double)std::max((mql_long)1, AccountInfoInteger(ACCOUNT_LEVERAGE)), 2);
  return true;
}
bool OrderCalcProfit(ENUM_ORDER_TYPE type, const string &symbol, double lots, double opened, double closed, double &profit) {
  profit = NormalizeDouble((closed - opened) * (type == ORDER_TYPE_SELL ? -1 : 1) * lots * SymbolInfoDouble(symbol, SYMBOL_TRADE_CONTRACT_SIZE), 2);
  return true;
}
bool OrderCheck(const MqlTradeRequest &q, MqlTradeCheckResult &result) {
  result = MqlTradeCheckResult();
  result.balance = AccountInfoDouble(ACCOUNT_BALANCE);
  result.equity = AccountInfoDouble(ACCOUNT_EQUITY);
  OrderCalcMargin(q.type, q.symbol, q.volume, q.price > 0 ? q.price : SymbolInfoDouble(q.symbol, SYMBOL_ASK), result.margin);
  result.margin_free = AccountInfoDouble(ACCOUNT_MARGIN_FREE) - result.margin;
  bool fits = result.margin_free >= 0 && q.volume >= SymbolInfoDouble(q.symbol, SYMBOL_VOLUME_MIN);
  result.retcode = fits ? 0 : result.margin_free < 0 ? TRADE_RETCODE_NO_MONEY : TRADE_RETCODE_INVALID_VOLUME;
  return fits;
}
mql_range mql_of_handle(int handle, datetime start, datetime stop) {
  string symbol;
  int frame = 0;
  mql_about(handle, symbol, frame);
  return mql_chosen(symbol, frame, start, stop);
}

mql_long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER what) {
  switch (what) {
    case ACCOUNT_LOGIN: return atoll(account("number").c_str());
    case ACCOUNT_LEVERAGE: return atoll(account("leverage").c_str());
    case ACCOUNT_MARGIN_MODE: return account("netting") == "1" ? ACCOUNT_MARGIN_MODE_RETAIL_NETTING : ACCOUNT_MARGIN_MODE_RETAIL_HEDGING;
    case ACCOUNT_HEDGE_ALLOWED: return account("netting") != "1";
    case ACCOUNT_TRADE_ALLOWED: case ACCOUNT_TRADE_EXPERT: return 1;
    case ACCOUNT_CURRENCY_DIGITS: return 2;
    default: return 0;
  }
}
double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE what) {
  const char *name = what == ACCOUNT_BALANCE ? "balance" : what == ACCOUNT_EQUITY ? "equity" : what == ACCOUNT_MARGIN_FREE ? "free" : what == ACCOUNT_MARGIN ? "margin" : "";
  if (what == ACCOUNT_PROFIT) return atof(account("equity").c_str()) - atof(account("balance").c_str());
  return *name ? atof(account(name).c_str()) : 0;
}
string AccountInfoString(ENUM_ACCOUNT_INFO_STRING what) {
  return what == ACCOUNT_SERVER ? mql_make(account("server")) : what == ACCOUNT_CURRENCY ? mql_make(account("currency")) : string(u"Paper");
}
mql_long SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER what) {
  switch (what) {
    case SYMBOL_TRADE_MODE: return ::SymbolInfoDouble(symbol, ::SYMBOL_POINT) > 0 ? SYMBOL_TRADE_MODE_FULL : SYMBOL_TRADE_MODE_DISABLED;
    case SYMBOL_FILLING_MODE: return atoll(symbol_of(symbol, "filling").c_str());
    case SYMBOL_TRADE_CALC_MODE: return SYMBOL_CALC_MODE_FOREX;
    case SYMBOL_TRADE_EXEMODE: return SYMBOL_TRADE_EXECUTION_MARKET;
    case SYMBOL_EXPIRATION_MODE: case SYMBOL_ORDER_MODE: return 127;
    case SYMBOL_VISIBLE: case SYMBOL_SELECT: case SYMBOL_EXIST: return ::SymbolInfoDouble(symbol, ::SYMBOL_POINT) > 0;
    case SYMBOL_TIME: return TimeCurrent();
    case SYMBOL_TIME_MSC: return TimeCurrent() * 1000LL;
    case SYMBOL_SPREAD_FLOAT: return 1;
    case SYMBOL_VOLUME: return 100;
    default: return ::SymbolInfoInteger(symbol, (int)what);
  }
}
bool SymbolInfoInteger(const string &symbol, ENUM_SYMBOL_INFO_INTEGER what, mql_long &out) { out = SymbolInfoInteger(symbol, what); return true; }
double SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE what) { return ::SymbolInfoDouble(symbol, (int)what); }
bool SymbolInfoDouble(const string &symbol, ENUM_SYMBOL_INFO_DOUBLE what, double &out) { out = SymbolInfoDouble(symbol, what); return true; }
string SymbolInfoString(const string &symbol, ENUM_SYMBOL_INFO_STRING what) { return ::SymbolInfoString(symbol, (int)what); }
bool SymbolInfoTick(const string &symbol, MqlTick &out) {
  out = MqlTick{TimeCurrent(), SymbolInfoDouble(symbol, SYMBOL_BID), SymbolInfoDouble(symbol, SYMBOL_ASK), 0, 0, TimeCurrent() * 1000LL, 0, 0};
  return out.bid > 0;
}
datetime TimeTradeServer() { return TimeCurrent(); }
}  // namespace ea

void mql_transaction(void *hook, const std::string &deal, const std::string &position) {
  ea::MqlTradeTransaction told = {};
  told.type = ea::TRADE_TRANSACTION_DEAL_ADD;
  told.deal = (mql_ulong)atoll(deal.c_str());
  told.position = (mql_ulong)atoll(position.c_str());
  ((int (*)(const ea::MqlTradeTransaction &, const ea::MqlTradeRequest &, const ea::MqlTradeResult &))hook)(told, ea::MqlTradeRequest(), ea::MqlTradeResult());
}
