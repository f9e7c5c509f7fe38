// Orders and prices, asked from the simulator.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include "mql.hpp"
#include "inside.hpp"

namespace {
struct Row {
  int ticket = 0, type = 0, magic = 0;
  double lots = 0, open = 0, sl = 0, tp = 0, close = 0, profit = 0, commission = 0, swap = 0;
  long opened = 0, closed = 0, expiry = 0;
  std::string symbol, comment;
};
std::vector<Row> trades, history;
Row selected;

Row row_of(const std::string &line) {
  auto f = mql_split(line, '\t');
  Row r;
  if (f.size() < 16) return r;
  auto number = [&](int i) { return atof(f[(size_t)i].c_str()); };
  auto whole = [&](int i) { return atol(f[(size_t)i].c_str()); };
  r.ticket = (int)whole(0); r.type = (int)whole(1); r.symbol = f[2]; r.lots = number(3); r.open = number(4); r.opened = whole(5);
  r.sl = number(6); r.tp = number(7); r.close = number(8); r.closed = whole(9); r.comment = f[10]; r.magic = (int)whole(11);
  r.profit = number(12); r.expiry = whole(13); r.commission = number(14); r.swap = number(15);
  return r;
}
int pull(const char *pool, std::vector<Row> &rows) {
  rows.clear();
  std::string answer = mql_ask(pool);
  if (!answer.empty()) for (auto &line : mql_split(answer, '\x1e')) rows.push_back(row_of(line));
  return (int)rows.size();
}
std::string exact(double v) { char b[64]; snprintf(b, sizeof b, "%.10g", v); return b; }
int order(std::initializer_list<std::string> words) {  // the ticket, 0 for done without one, -1 for an error
  std::string q;
  for (auto &w : words) (q += q.empty() ? "" : "\t") += w;
  auto f = mql_split(mql_ask(q), '\t');
  if (f[0] == "ok") { mql_fail(0); return f.size() > 1 ? atoi(f[1].c_str()) : 0; }
  mql_fail(f.size() > 1 ? atoi(f[1].c_str()) : ERR_COMMON_ERROR);
  return -1;
}
}  // namespace

int OrdersTotal() { return pull("orders", trades); }
int OrdersHistoryTotal() { return pull("history", history); }
int HistoryTotal() { return OrdersHistoryTotal(); }
bool OrderSelect(int index, int select, int pool) {
  if (select == SELECT_BY_TICKET) {
    Row r = row_of(mql_ask("order\t" + std::to_string(index)));
    if (!r.ticket) { mql_fail(ERR_INVALID_TICKET); return false; }
    selected = r;
    return true;
  }
  auto &rows = pool == MODE_HISTORY ? history : trades;
  if (index < 0 || index >= (int)rows.size()) { mql_fail(4051); return false; }
  selected = rows[(size_t)index];
  return true;
}
// Of an order that is open: what it would be closed at now.
static bool is_open() { return selected.ticket && !selected.closed && selected.type < 2; }
int OrderTicket() { return selected.ticket; }
int OrderType() { return selected.type; }
int OrderMagicNumber() { return selected.magic; }
double OrderLots() { return selected.lots; }
double OrderOpenPrice() { return selected.open; }
double OrderClosePrice() { return is_open() ? MarketInfo(mql_make(selected.symbol), selected.type == OP_BUY ? MODE_BID : MODE_ASK) : selected.close; }
double OrderProfit() {
  if (!is_open()) return selected.profit;
  double moved = (OrderClosePrice() - selected.open) * (selected.type == OP_BUY ? 1 : -1);
  return NormalizeDouble(moved * selected.lots * MarketInfo(mql_make(selected.symbol), MODE_LOTSIZE), 2);
}
double OrderStopLoss() { return selected.sl; }
double OrderTakeProfit() { return selected.tp; }
double OrderCommission() { return selected.commission; }
double OrderSwap() { return selected.swap; }
datetime OrderOpenTime() { return selected.opened; }
datetime OrderCloseTime() { return selected.closed; }
datetime OrderExpiration() { return selected.expiry; }
string OrderSymbol() { return mql_make(selected.symbol); }
string OrderComment() { return mql_make(selected.comment); }
void OrderPrint() { mql_print(mql_make("#" + std::to_string(selected.ticket) + " " + selected.symbol)); }

int OrderSend(const string &symbol, int type, double lots, double price, int slippage, double sl, double tp, const string &comment, int magic, datetime expiry, color) {
  string name = symbol.null ? Symbol() : symbol;
  return order({"send", mql_plain(name), std::to_string(type), exact(lots), exact(price), std::to_string(slippage), exact(sl), exact(tp), mql_plain(comment), std::to_string(magic), std::to_string(expiry)});
}
bool OrderClose(int ticket, double lots, double price, int slippage, color) { return order({"close", std::to_string(ticket), exact(lots), exact(price), std::to_string(slippage)}) >= 0; }
bool OrderModify(int ticket, double price, double sl, double tp, datetime expiry, color) { return order({"modify", std::to_string(ticket), exact(price), exact(sl), exact(tp), std::to_string(expiry)}) >= 0; }
bool OrderDelete(int ticket, color) { return order({"delete", std::to_string(ticket)}) >= 0; }
bool OrderCloseBy(int ticket, int opposite, color) { return order({"closeby", std::to_string(ticket), std::to_string(opposite)}) >= 0; }

// --- prices ---
string Symbol() { static const string name = mql_make(mql_env("MQL_SYMBOL", "EURUSD")); return name; }
int Period() { return PERIOD_M1; }
bool RefreshRates() { mql_moved(); return true; }
double MarketInfo(const string &symbol, int what) {
  string name = symbol.null ? Symbol() : symbol;
  return atof(mql_ask("market\t" + mql_plain(name) + "\t" + std::to_string(what)).c_str());
}
static int as_market_info(int what) {
  static const std::map<int, int> same = {{SYMBOL_BID, MODE_BID}, {SYMBOL_ASK, MODE_ASK}, {SYMBOL_POINT, MODE_POINT}, {SYMBOL_TRADE_TICK_VALUE, MODE_TICKVALUE}, {SYMBOL_TRADE_TICK_SIZE, MODE_TICKSIZE}, {SYMBOL_TRADE_CONTRACT_SIZE, MODE_LOTSIZE}, {SYMBOL_VOLUME_MIN, MODE_MINLOT}, {SYMBOL_VOLUME_MAX, MODE_MAXLOT}, {SYMBOL_VOLUME_STEP, MODE_LOTSTEP}, {SYMBOL_DIGITS, MODE_DIGITS}, {SYMBOL_SPREAD, MODE_SPREAD}, {SYMBOL_TRADE_STOPS_LEVEL, MODE_STOPLEVEL}, {SYMBOL_TRADE_FREEZE_LEVEL, MODE_FREEZELEVEL}, {SYMBOL_TRADE_MODE, MODE_TRADEALLOWED}, {SYMBOL_LAST, MODE_BID}, {SYMBOL_BIDHIGH, MODE_BID}, {SYMBOL_BIDLOW, MODE_BID}, {SYMBOL_ASKHIGH, MODE_ASK}, {SYMBOL_ASKLOW, MODE_ASK}, {SYMBOL_TRADE_TICK_VALUE_PROFIT, MODE_TICKVALUE}, {SYMBOL_TRADE_TICK_VALUE_LOSS, MODE_TICKVALUE}};
  auto i = same.find(what);
  return i == same.end() ? -1 : i->second;
}
double SymbolInfoDouble(const string &symbol, int what) { return MarketInfo(symbol, as_market_info(what)); }
bool SymbolInfoDouble(const string &symbol, int what, double &out) { out = SymbolInfoDouble(symbol, what); return true; }
mql_long SymbolInfoInteger(const string &symbol, int what) { return (mql_long)MarketInfo(symbol, as_market_info(what)); }
string SymbolInfoString(const string &symbol, int what) {  // of six letters, as brokers name currency pairs
  int from = what == SYMBOL_CURRENCY_BASE ? 0 : what == SYMBOL_CURRENCY_PROFIT ? 3 : -1;
  return from < 0 || StringLen(symbol) < 6 ? string() : StringSubstr(symbol, from, 3);
}
bool SymbolInfoTick(const string &symbol, MqlTick &out) {
  out = MqlTick{TimeCurrent(), MarketInfo(symbol, MODE_BID), MarketInfo(symbol, MODE_ASK), 0, 0};
  return out.bid > 0;
}
static std::vector<std::string> names() {
  std::string answer = mql_ask("symbols");
  return answer.empty() ? std::vector<std::string>() : mql_split(answer, '\t');
}
int SymbolsTotal(bool) { return (int)names().size(); }
string SymbolName(int place, bool) {
  auto all = names();
  return place >= 0 && place < (int)all.size() ? mql_make(all[(size_t)place]) : string();
}
bool SymbolSelect(const string &symbol, bool) { auto all = names(); return std::find(all.begin(), all.end(), mql_plain(symbol)) != all.end(); }
