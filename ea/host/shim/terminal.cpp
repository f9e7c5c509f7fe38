// The terminal: events, clocks, inputs, global variables, objects of the chart. What the broker knows is asked from the
// simulator, one line at a time (MQL_SIM: its address). Without one a script may still run.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <thread>
#include <unistd.h>
#include "mql.hpp"
#include "inside.hpp"

extern void *mql_hook_OnInit, *mql_hook_OnDeinit, *mql_hook_OnTick, *mql_hook_OnTimer, *mql_hook_OnStart, *mql_hook_OnChartEvent, *mql_hook_OnTradeTransaction;
extern void *mql_hook_init, *mql_hook_deinit, *mql_hook_start;
typedef int (*Hook)(int);

int mql_spoken_language = 4;
int mql_speaks(int language) { return mql_spoken_language = language; }
static int last_error = 0, deinit_reason = 0, timer_ms = 0;
static bool stopped = false;
static long long micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
static const long long started = micros();
static const time_t started_at = time(nullptr);
// MQL_CPU_CLOCK: the fine clock shows what the process has used of a CPU. MQL_CLOCK_RATE: the program's clocks go so much
// faster, those of the simulator and the timer do not.
static long long elapsed() {
  static const long long rate = atoll(getenv("MQL_CLOCK_RATE") ? getenv("MQL_CLOCK_RATE") : "1");
  static const bool of_process = getenv("MQL_CPU_CLOCK") != nullptr;
  if (of_process) return (long long)clock() * 1000000 / CLOCKS_PER_SEC;
  return (micros() - started) * rate;
}

void mql_fail(int code) { last_error = code; }
int mql_last_error() { return last_error; }
int GetLastError() { int e = last_error; last_error = 0; return e; }
void ResetLastError() { last_error = 0; }
std::string mql_env(const char *name, const char *otherwise) { const char *v = getenv(name); return v ? v : otherwise; }
std::vector<std::string> mql_split(const std::string &s, char separator) {
  std::vector<std::string> v;
  for (size_t p = 0;;) {
    size_t q = s.find(separator, p);
    v.push_back(s.substr(p, q == std::string::npos ? q : q - p));
    if (q == std::string::npos) return v;
    p = q + 1;
  }
}
static void say(const char *kind, const std::string &text) {
  std::string line = std::string(kind) + text + "\n";
  fwrite(line.data(), 1, line.size(), stdout);
  fflush(stdout);
}
void mql_print(const string &s) { say("", mql_plain(s)); }
void mql_alert(const string &s) { say("ALERT: ", mql_plain(s)); }
void mql_comment(const string &s) { say("COMMENT: ", mql_plain(s)); }
void mql_critical(const char *what, mql_long index, mql_long size) {
  say("CRITICAL ERROR: ", std::string(what) + " (" + std::to_string(index) + " of " + std::to_string(size) + ")");
  fflush(stdout);
  _exit(4);
}
static void divided(int) {
  const char *text = "CRITICAL ERROR: zero divide\n";
  if (::write(1, text, strlen(text)) < 0) _exit(5);
  _exit(4);
}

// --- the simulator ---
static int sim = -1;
static std::string received;
std::string mql_ask(const std::string &question) {
  if (sim < 0) {
    auto address = mql_split(mql_env("MQL_SIM", ""), ':');
    if (address.size() != 2 || (sim = os_connect(address[0], atoi(address[1].c_str()), 60000)) < 0) {
      say("", "no simulator: " + question);
      _exit(5);
    }
  }
  size_t end;
  char block[65536];
  if (!os_send(sim, question + "\n")) _exit(5);
  while ((end = received.find('\n')) == std::string::npos) {
    int n = os_receive(sim, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;  // stopped and continued, as a test lets a computer sleep: recv with a timeout says so
    if (n <= 0) _exit(5);
    received.append(block, (size_t)n);
  }
  std::string answer = received.substr(0, end);
  received.erase(0, end + 1);
  return answer;
}

// --- events and clocks ---
bool EventSetMillisecondTimer(int ms) { timer_ms = ms > 0 && ms < 16 ? 16 : ms; return ms > 0; }
bool EventSetTimer(int seconds) { return EventSetMillisecondTimer(seconds * 1000); }
void EventKillTimer() { timer_ms = 0; }
bool IsStopped() { return stopped; }
void ExpertRemove() { stopped = true; deinit_reason = REASON_PROGRAM; }
int UninitializeReason() { return deinit_reason; }
// MQL_SLEEP_TICKS: whoever sleeps sees the next price, or the end, at once.
void Sleep(int ms) {
  mql_moved();
  if (!getenv("MQL_SLEEP_TICKS")) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); return; }
  auto event = mql_split(mql_ask("poll\t0"), '\t');
  if (event[0] == "deinit") { deinit_reason = atoi(event[1].c_str()); stopped = true; }
}
uint GetTickCount() { return (uint)(elapsed() / 1000); }
mql_ulong GetMicrosecondCount() { return (mql_ulong)elapsed(); }
static time_t now() { return getenv("MQL_CLOCK_RATE") ? started_at + (time_t)(elapsed() / 1000000) : time(nullptr); }
datetime TimeGMT() { return (datetime)now() + atol(mql_env("MQL_CLOCK_OFFSET", "0").c_str()); }
datetime TimeLocal() { return TimeGMT(); }
static std::string account(const char *what) { return mql_ask(std::string("account\t") + what); }
datetime TimeCurrent() { return getenv("MQL_SIM") ? atol(account("time").c_str()) : TimeGMT(); }
int mql_date_part(datetime t, int part) {
  time_t x = (time_t)t;
  struct tm g;
  gmtime_r(&x, &g);
  int parts[] = {g.tm_year + 1900, g.tm_mon + 1, g.tm_mday, g.tm_hour, g.tm_min, g.tm_sec, g.tm_wday, g.tm_yday + 1};
  return parts[part];
}
bool TimeToStruct(datetime t, MqlDateTime &o) {
  int p[8];
  for (int i = 0; i < 8; i++) p[i] = mql_date_part(t, i);
  o = MqlDateTime{p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7] - 1};
  return true;
}
string mql_input_text(const char *name, bool &found) {
  const char *v = getenv((std::string("MQL_INPUT_") + name).c_str());
  found = v != nullptr;
  return mql_make(v ? v : "");
}
static bool flag(const char *name, const char *otherwise) { return mql_env(name, otherwise) == "1"; }
bool IsDllsAllowed() { return flag("MQL_DLLS", "1"); }
bool IsLibrariesAllowed() { return true; }
bool IsTesting() { return flag("MQL_TESTING", "0"); }
bool IsOptimization() { return false; }
bool IsVisualMode() { return false; }
bool IsDemo() { return true; }
bool IsExpertEnabled() { return true; }
bool IsConnected() { return account("connected") == "1"; }
bool IsTradeAllowed() { return account("allowed") == "1"; }
bool IsTradeContextBusy() { return account("busy") == "1"; }
string WindowExpertName() { return mql_make(mql_env("MQL_NAME", "program")); }
string TerminalName() { return string(u"Simulator"); }
string TerminalCompany() { return string(u"Simulator"); }
string TerminalPath() { return mql_make(mql_env("MQL_DATA", ".")); }
int TerminalInfoInteger(int what) {
  if (what == TERMINAL_BUILD) return atoi(mql_env("MQL_BUILD", "1420").c_str());
  if (what == TERMINAL_CONNECTED) return IsConnected();
  return what == TERMINAL_DLLS_ALLOWED ? IsDllsAllowed() : what == TERMINAL_TRADE_ALLOWED ? IsTradeAllowed() : 0;
}
string TerminalInfoString(int what) { return what == TERMINAL_NAME ? TerminalName() : TerminalPath(); }
int MQLInfoInteger(int what) { return what == MQL_TESTER ? IsTesting() : what == MQL_DLLS_ALLOWED ? IsDllsAllowed() : what == MQL_TRADE_ALLOWED ? IsTradeAllowed() : 0; }
string MQLInfoString(int) { return WindowExpertName(); }

// --- account ---
static double sum(const char *what) { return atof(account(what).c_str()); }
int AccountNumber() { return atoi(account("number").c_str()); }
int AccountLeverage() { return atoi(account("leverage").c_str()); }
int AccountStopoutLevel() { return 50; }
double AccountBalance() { return sum("balance"); }
double AccountEquity() { return sum("equity"); }
double AccountFreeMargin() { return sum("free"); }
double AccountMargin() { return sum("margin"); }
double AccountProfit() { return sum("equity") - sum("balance"); }
double AccountCredit() { return 0; }
double AccountFreeMarginCheck(const string &, int, double) { return sum("free"); }
string AccountServer() { return mql_make(account("server")); }
string AccountCurrency() { return mql_make(account("currency")); }
string AccountName() { return string(u"Paper"); }
string AccountCompany() { return string(u"Paper"); }
double AccountInfoDouble(int what) { return what == ACCOUNT_BALANCE ? AccountBalance() : what == ACCOUNT_EQUITY ? AccountEquity() : AccountFreeMargin(); }
mql_long AccountInfoInteger(int what) { return what == ACCOUNT_LOGIN ? AccountNumber() : what == ACCOUNT_LEVERAGE ? AccountLeverage() : 0; }
string AccountInfoString(int what) { return what == ACCOUNT_SERVER ? AccountServer() : what == ACCOUNT_CURRENCY ? AccountCurrency() : AccountName(); }

// --- variables of the terminal: kept in a file as the terminal keeps them ---
static std::map<std::string, double> variables;
static std::string variables_path() { return mql_env("MQL_DATA", ".") + "/gvariables.txt"; }
static void load_variables() {
  static bool loaded = false;
  if (loaded) return;
  loaded = true;
  char n[256];
  double v;
  if (FILE *f = fopen(variables_path().c_str(), "r")) {
    while (fscanf(f, "%255[^\t]\t%lf\n", n, &v) == 2) variables[n] = v;
    fclose(f);
  }
}
void GlobalVariablesFlush() {
  load_variables();
  if (FILE *f = fopen(variables_path().c_str(), "w")) {
    for (auto &x : variables) fprintf(f, "%s\t%.17g\n", x.first.c_str(), x.second);
    fclose(f);
  }
}
bool GlobalVariableCheck(const string &n) { load_variables(); return variables.count(mql_plain(n)) > 0; }
double GlobalVariableGet(const string &n) {
  if (!GlobalVariableCheck(n)) { mql_fail(4058); return 0; }
  return variables[mql_plain(n)];
}
bool GlobalVariableGet(const string &n, double &out) { bool there = GlobalVariableCheck(n); if (there) out = variables[mql_plain(n)]; return there; }
bool GlobalVariableTemp(const string &n) { GlobalVariableSet(n, 0); return true; }
datetime GlobalVariableTime(const string &n) { return GlobalVariableCheck(n) ? TimeLocal() : 0; }
int GlobalVariablesTotal() { load_variables(); return (int)variables.size(); }
string GlobalVariableName(int place) {
  load_variables();
  for (auto &one : variables) if (place-- == 0) return mql_make(one.first);
  return string();
}
int GlobalVariablesDeleteAll(const string &prefix, datetime) {
  load_variables();
  std::string begins = mql_plain(prefix);
  int before = (int)variables.size();
  for (auto i = variables.begin(); i != variables.end();) i = i->first.compare(0, begins.size(), begins) == 0 ? variables.erase(i) : std::next(i);
  return before - (int)variables.size();
}
datetime GlobalVariableSet(const string &n, double v) {
  load_variables();
  if (StringLen(n) > 63) { mql_fail(4057); return 0; }
  variables[mql_plain(n)] = v;
  return TimeLocal();
}
bool GlobalVariableDel(const string &n) { load_variables(); return variables.erase(mql_plain(n)) > 0; }
bool GlobalVariableSetOnCondition(const string &n, double v, double check) {
  if (!GlobalVariableCheck(n) || variables[mql_plain(n)] != check) return false;
  variables[mql_plain(n)] = v;
  return true;
}

// --- objects: names and texts, told when they change, so that a test reads the chart ---
struct Object { int type = 0; std::string text; std::map<int, double> numbers; };
static std::map<std::string, Object> objects;
static bool chart_fails() { return flag("MQL_CHART_FAILS", "0"); }
bool ObjectCreate(const string &name, int type, int, datetime t1, double p1, datetime t2, double p2, datetime t3, double p3) {
  if (chart_fails()) { mql_fail(4200); return false; }
  Object o;
  o.type = type;
  o.numbers = {{OBJPROP_TIME1, (double)t1}, {OBJPROP_PRICE1, p1}, {OBJPROP_TIME2, (double)t2}, {OBJPROP_PRICE2, p2}, {OBJPROP_TIME3, (double)t3}, {OBJPROP_PRICE3, p3}};
  return objects.emplace(mql_plain(name), o).second;
}
bool ObjectCreate(mql_long, const string &name, int type, int window, datetime t1, double p1, datetime t2, double p2, datetime t3, double p3) { return ObjectCreate(name, type, window, t1, p1, t2, p2, t3, p3); }
bool ObjectSetString(mql_long, const string &name, int property, const string &value) {
  auto i = objects.find(mql_plain(name));
  if (i == objects.end()) { mql_fail(4202); return false; }
  std::string shown = mql_plain(StringSubstr(value, 0, 63));  // a label shows no more
  if (property == OBJPROP_TEXT && i->second.text != shown) {
    i->second.text = shown;
    say("CHART: ", i->first + "=" + i->second.text);
  }
  return true;
}
bool ObjectSetDouble(mql_long, const string &name, int property, double value) { return ObjectSet(name, property, value); }
bool ObjectSetInteger(mql_long, const string &name, int property, mql_long value) { return ObjectSet(name, property, (double)value); }
bool ObjectSet(const string &name, int property, double value) {
  auto i = objects.find(mql_plain(name));
  if (i == objects.end()) { mql_fail(4202); return false; }
  i->second.numbers[property] = value;
  return true;
}
bool ObjectSetText(const string &name, const string &text, int, const string &, color) { return ObjectSetString(0, name, OBJPROP_TEXT, text); }
int ObjectFind(const string &name) { return objects.count(mql_plain(name)) ? 0 : -1; }
int ObjectFind(mql_long, const string &name) { return ObjectFind(name); }
bool ObjectDelete(const string &name) { return objects.erase(mql_plain(name)) > 0; }
bool ObjectDelete(mql_long, const string &name) { return ObjectDelete(name); }
// OBJPROP_TIME and OBJPROP_PRICE name the point in their modifier, the older names in themselves.
static int place_of(int property, int modifier) {
  if (property == OBJPROP_TIME) return OBJPROP_TIME1 + 2 * modifier;
  if (property == OBJPROP_PRICE) return OBJPROP_PRICE1 + 2 * modifier;
  return property;
}
static const Object *object(const string &name) {
  auto i = objects.find(mql_plain(name));
  if (i == objects.end()) mql_fail(4202);
  return i == objects.end() ? nullptr : &i->second;
}
double ObjectGetDouble(mql_long, const string &name, int property, int modifier) {
  const Object *o = object(name);
  auto i = o ? o->numbers.find(place_of(property, modifier)) : std::map<int, double>::const_iterator();
  return o && i != o->numbers.end() ? i->second : 0;
}
mql_long ObjectGetInteger(mql_long chart, const string &name, int property, int modifier) {
  return property == OBJPROP_TYPE ? ObjectType(name) : (mql_long)ObjectGetDouble(chart, name, property, modifier);
}
string ObjectGetString(mql_long, const string &name, int property, int) {
  const Object *o = object(name);
  return o && property == OBJPROP_TEXT ? mql_make(o->text) : property == OBJPROP_NAME ? name : string();
}
double ObjectGet(const string &name, int property) { return ObjectGetDouble(0, name, property, 0); }
int ObjectType(const string &name) { const Object *o = object(name); return o ? o->type : -1; }
string ObjectDescription(const string &name) { return ObjectGetString(0, name, OBJPROP_TEXT, 0); }
bool ObjectSetString(mql_long chart, const string &name, int property, int, const string &value) { return ObjectSetString(chart, name, property, value); }
bool ObjectSetInteger(mql_long, const string &name, int property, int modifier, mql_long value) { return ObjectSet(name, place_of(property, modifier), (double)value); }
bool ObjectSetDouble(mql_long, const string &name, int property, int modifier, double value) { return ObjectSet(name, place_of(property, modifier), value); }
bool ObjectSetFiboDescription(const string &name, int, const string &) { return ObjectFind(name) >= 0; }
string ObjectGetFiboDescription(const string &, int) { return string(); }
double ObjectGetValueByTime(mql_long, const string &name, datetime t, int) {
  double t1 = ObjectGet(name, OBJPROP_TIME1), t2 = ObjectGet(name, OBJPROP_TIME2), p1 = ObjectGet(name, OBJPROP_PRICE1), p2 = ObjectGet(name, OBJPROP_PRICE2);
  return t1 == t2 ? p1 : p1 + (p2 - p1) * ((double)t - t1) / (t2 - t1);
}
datetime ObjectGetTimeByValue(mql_long, const string &name, double v, int) {
  double t1 = ObjectGet(name, OBJPROP_TIME1), t2 = ObjectGet(name, OBJPROP_TIME2), p1 = ObjectGet(name, OBJPROP_PRICE1), p2 = ObjectGet(name, OBJPROP_PRICE2);
  return (datetime)(p1 == p2 ? t1 : t1 + (t2 - t1) * (v - p1) / (p2 - p1));
}
double ObjectGetValueByShift(const string &name, int shift) { return ObjectGetValueByTime(0, name, iTime(Symbol(), 0, shift), 0); }
int ObjectGetShiftByValue(const string &name, double v) { return iBarShift(Symbol(), 0, ObjectGetTimeByValue(0, name, v, 0)); }
static bool counted(const Object &o, int type) { return type < 0 || o.type == type; }
int ObjectsTotal(mql_long, int, int type) {
  int n = 0;
  for (auto &o : objects) n += counted(o.second, type);
  return n;
}
string ObjectName(mql_long, int place, int, int type) {
  for (auto &o : objects) if (counted(o.second, type) && place-- == 0) return mql_make(o.first);
  return string();
}
int ObjectsDeleteAll(mql_long, const string &prefix, int, int type) {
  std::string begins = mql_plain(prefix);
  int n = 0;
  for (auto i = objects.begin(); i != objects.end();) {
    bool goes = i->first.compare(0, begins.size(), begins) == 0 && counted(i->second, type);
    i = goes ? objects.erase(i) : std::next(i);
    n += goes;
  }
  return n;
}
int ObjectsDeleteAll(mql_long chart, int window, int type) { return ObjectsDeleteAll(chart, string(), window, type); }
bool ObjectMove(mql_long, const string &name, int point, datetime t, double p) { return ObjectMove(name, point, t, p); }
int ObjectsTotal(int) { return (int)objects.size(); }
string ObjectName(int place) {
  for (auto &o : objects) if (place-- == 0) return mql_make(o.first);
  return string();
}
int ObjectsDeleteAll(int, int) { int n = (int)objects.size(); objects.clear(); return n; }
bool ObjectMove(const string &name, int point, datetime t, double p) { return ObjectSet(name, OBJPROP_TIME1 + 2 * point, (double)t) && ObjectSet(name, OBJPROP_PRICE1 + 2 * point, p); }
mql_long ChartID() { return 1; }
void ChartRedraw(mql_long) {}
void WindowRedraw() {}
bool SendNotification(const string &text) { say("PUSH: ", mql_plain(text)); return true; }
bool SendMail(const string &subject, const string &) { say("MAIL: ", mql_plain(subject)); return true; }
bool PlaySound(const string &) { return true; }

// --- the program ---
static void call(void *first, void *second, int argument) {
  void *hook = first ? first : second;
  if (hook) ((Hook)hook)(argument);
}
static void run_events() {
  long long due = micros() + timer_ms * 1000LL;
  while (!stopped) {
    long long left = timer_ms ? (due - micros()) / 1000 : 1000;
    auto event = mql_split(mql_ask("poll\t" + std::to_string(left < 0 ? 0 : left)), '\t');
    mql_moved();
    if (event[0] == "deinit") {
      deinit_reason = atoi(event[1].c_str());
      stopped = true;
    } else if (event[0] == "tick") {
      call(mql_hook_OnTick, mql_hook_start, 0);
    } else if (event[0] == "trade" && mql_hook_OnTradeTransaction) {
      mql_transaction(mql_hook_OnTradeTransaction, event[1], event[2]);
    } else if (event[0] == "timer") {
      for (int times = atoi(event[1].c_str()); times > 0 && !stopped; times--) call(mql_hook_OnTimer, nullptr, 0);
    } else if (event[0] == "click" && mql_hook_OnChartEvent) {
      ((int (*)(int, mql_long, double, const string &))mql_hook_OnChartEvent)(CHARTEVENT_OBJECT_CLICK, 0, 0.0, mql_make(event[1]));
    }
    if (timer_ms && micros() >= due) {
      due = micros() + timer_ms * 1000LL;  // missed periods are dropped, as in the terminal
      call(mql_hook_OnTimer, nullptr, 0);
    }
  }
}
int main() {
  std::signal(SIGFPE, divided);
  void *init = mql_hook_OnInit ? mql_hook_OnInit : mql_hook_init;
  int refused = init ? ((Hook)init)(0) : 0;
  if (refused && mql_hook_OnInit) {
    deinit_reason = REASON_INITFAILED;
    call(mql_hook_OnDeinit, nullptr, deinit_reason);
    say("INIT: ", std::to_string(refused));
    return 10;
  }
  if (mql_hook_OnStart) return ((Hook)mql_hook_OnStart)(0);
  run_events();
  long long began = micros();
  call(mql_hook_OnDeinit, mql_hook_deinit, deinit_reason);
  mql_print(mql_make("DEINIT took " + std::to_string((micros() - began) / 1000)));
  return 0;
}
