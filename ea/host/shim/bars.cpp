// Bars and indicators from their definitions. A line has one value for each bar, the oldest first.
#include <algorithm>
#include <cstdlib>
#include <map>
#include "mql.hpp"
#include "inside.hpp"

namespace {
typedef std::vector<double> Line;
typedef std::vector<double> Given;
struct Kept { mql_series bars; int fetched = -1; };
struct Indicator { std::string name, symbol; int frame = 0; Given given; std::vector<Line> lines; int computed = -1; };
std::map<std::pair<std::string, int>, Kept> kept;
std::vector<Indicator> indicators;
int moves = 0;

std::string plain_symbol(const string &symbol) { return mql_plain(symbol.null || StringLen(symbol) == 0 ? Symbol() : symbol); }
int frame_of(int frame) { return frame > 0 ? frame : Period(); }

void add(mql_series &b, const std::vector<std::string> &f) {
  b.time.push_back(atol(f[0].c_str()));
  b.open.push_back(atof(f[1].c_str()));
  b.high.push_back(atof(f[2].c_str()));
  b.low.push_back(atof(f[3].c_str()));
  b.close.push_back(atof(f[4].c_str()));
  b.volume.push_back(atof(f[5].c_str()));
}
void drop_last(mql_series &b) {
  b.time.pop_back(); b.open.pop_back(); b.high.pop_back(); b.low.pop_back(); b.close.pop_back(); b.volume.pop_back();
}
// What has changed since: the newest bar that is known, and those behind it.
const mql_series &fetch(const std::string &symbol, int frame) {
  Kept &k = kept[{symbol, frame}];
  if (k.fetched == moves) return k.bars;
  k.fetched = moves;
  datetime since = k.bars.time.empty() ? 0 : k.bars.time.back();
  std::string answer = mql_ask("series\t" + symbol + "\t" + std::to_string(frame) + "\t" + std::to_string(since));
  if (answer.empty()) return k.bars;
  if (since) drop_last(k.bars);
  for (auto &row : mql_split(answer, '\x1e')) add(k.bars, mql_split(row, '\t'));
  return k.bars;
}

double at(const Line &x, long i) { return i >= 0 && i < (long)x.size() ? x[(size_t)i] : 0; }
double given(const Given &g, size_t place, double otherwise = 0) { return place < g.size() ? g[place] : otherwise; }
int whole(const Given &g, size_t place, int otherwise = 0) { return place < g.size() ? (int)g[place] : otherwise; }

Line applied(const mql_series &b, int price) {
  Line x(b.close.size());
  for (size_t i = 0; i < x.size(); i++) switch (price) {
    case PRICE_OPEN: x[i] = b.open[i]; break;
    case PRICE_HIGH: x[i] = b.high[i]; break;
    case PRICE_LOW: x[i] = b.low[i]; break;
    case PRICE_MEDIAN: x[i] = (b.high[i] + b.low[i]) / 2; break;
    case PRICE_TYPICAL: x[i] = (b.high[i] + b.low[i] + b.close[i]) / 3; break;
    case PRICE_WEIGHTED: x[i] = (b.high[i] + b.low[i] + 2 * b.close[i]) / 4; break;
    default: x[i] = b.close[i];
  }
  return x;
}
Line mean(const Line &x, int n, int method) {
  Line r(x.size());
  n = std::max(n, 1);
  for (size_t i = 0; i < x.size(); i++) {
    bool full = i + 1 >= (size_t)n;
    if (method == MODE_EMA) { r[i] = i ? r[i - 1] + 2.0 / (n + 1) * (x[i] - r[i - 1]) : x[i]; continue; }
    if (!full) continue;
    if (method == MODE_SMMA && i + 1 > (size_t)n) { r[i] = (r[i - 1] * (n - 1) + x[i]) / n; continue; }
    double total = 0, weight = 0;
    for (int k = 0; k < n; k++) {
      double w = method == MODE_LWMA ? n - k : 1;
      total += w * x[i - (size_t)k];
      weight += w;
    }
    r[i] = total / weight;
  }
  return r;
}
Line shifted(const Line &x, int shift) {
  Line r(x.size());
  for (size_t i = 0; i < x.size(); i++) r[i] = at(x, (long)i - shift);
  return r;
}
template <class F> Line each(size_t n, F value) {
  Line r(n);
  for (size_t i = 0; i < n; i++) r[i] = value(i);
  return r;
}
Line less(const Line &x, const Line &y) { return each(x.size(), [&](size_t i) { return x[i] - y[i]; }); }
double extreme(const Line &x, size_t end, int n, bool greatest) {
  double best = x[end];
  for (size_t k = 0; k < (size_t)std::max(n, 1) && k <= end; k++) best = greatest ? std::max(best, x[end - k]) : std::min(best, x[end - k]);
  return best;
}
double sum(const Line &x, size_t end, int n) {
  double s = 0;
  for (size_t k = 0; k < (size_t)n && k <= end; k++) s += x[end - k];
  return s;
}
Line deviation(const Line &x, const Line &middle, int n) {
  return each(x.size(), [&](size_t i) {
    if (i + 1 < (size_t)n) return 0.0;
    double s = 0;
    for (int k = 0; k < n; k++) s += std::pow(x[i - (size_t)k] - middle[i], 2);
    return std::sqrt(s / n);
  });
}
Line rsi(const Line &x, int n) {
  Line r(x.size());
  double up = 0, down = 0;
  for (size_t i = 1; i < x.size(); i++) {
    double change = x[i] - x[i - 1], gain = std::max(change, 0.0), loss = std::max(-change, 0.0);
    if (i <= (size_t)n) { up += gain / n; down += loss / n; }
    else { up = (up * (n - 1) + gain) / n; down = (down * (n - 1) + loss) / n; }
    if (i >= (size_t)n) r[i] = up + down > 0 ? 100 * up / (up + down) : 50;
  }
  return r;
}
Line cci(const Line &x, int n) {
  Line middle = mean(x, n, MODE_SMA);
  return each(x.size(), [&](size_t i) {
    if (i + 1 < (size_t)n) return 0.0;
    double d = 0;
    for (int k = 0; k < n; k++) d += std::fabs(x[i - (size_t)k] - middle[i]) / n;
    return d > 0 ? (x[i] - middle[i]) / (0.015 * d) : 0.0;
  });
}
Line ranges(const mql_series &b) {
  return each(b.close.size(), [&](size_t i) {
    double before = i ? b.close[i - 1] : b.close[i];
    return std::max(b.high[i], before) - std::min(b.low[i], before);
  });
}
std::vector<Line> adx(const mql_series &b, int n) {
  size_t count = b.close.size();
  Line range = ranges(b), up(count), down(count);
  for (size_t i = 1; i < count; i++) {
    double u = std::max(b.high[i] - b.high[i - 1], 0.0), d = std::max(b.low[i - 1] - b.low[i], 0.0);
    if (u > d) d = 0; else if (d > u) u = 0; else u = d = 0;
    up[i] = range[i] > 0 ? 100 * u / range[i] : 0;
    down[i] = range[i] > 0 ? 100 * d / range[i] : 0;
  }
  Line plus = mean(up, n, MODE_EMA), minus = mean(down, n, MODE_EMA);
  Line apart = each(count, [&](size_t i) { double s = plus[i] + minus[i]; return s > 0 ? 100 * std::fabs(plus[i] - minus[i]) / s : 0; });
  return {mean(apart, n, MODE_EMA), plus, minus};
}
Line sar(const mql_series &b, double step, double most) {
  size_t count = b.close.size();
  Line r(count);
  bool rising = true;
  double factor = step, peak = count ? b.high[0] : 0, stop = count ? b.low[0] : 0;
  for (size_t i = 0; i < count; i++) {
    if (i) stop += factor * (peak - stop);
    bool turned = rising ? b.low[i] < stop : b.high[i] > stop;
    if (turned) {
      rising = !rising;
      stop = peak;
      peak = rising ? b.high[i] : b.low[i];
      factor = step;
    } else if (rising ? b.high[i] > peak : b.low[i] < peak) {
      peak = rising ? b.high[i] : b.low[i];
      factor = std::min(factor + step, most);
    }
    r[i] = stop;
  }
  return r;
}
std::vector<Line> stochastic(const mql_series &b, const Given &g) {
  int k = whole(g, 0), d = whole(g, 1), slowing = std::max(whole(g, 2), 1);
  bool closes = whole(g, 4) == STO_CLOSECLOSE;
  const Line &tops = closes ? b.close : b.high, &floors = closes ? b.close : b.low;
  size_t count = b.close.size();
  Line above = each(count, [&](size_t i) { return b.close[i] - extreme(floors, i, k, false); });
  Line span = each(count, [&](size_t i) { return extreme(tops, i, k, true) - extreme(floors, i, k, false); });
  Line main = each(count, [&](size_t i) { double s = sum(span, i, slowing); return s > 0 ? 100 * sum(above, i, slowing) / s : 100.0; });
  return {main, mean(main, d, whole(g, 3))};
}
std::vector<Line> ichimoku(const mql_series &b, const Given &g) {
  auto middle = [&](int n) { return each(b.close.size(), [&](size_t i) { return (extreme(b.high, i, n, true) + extreme(b.low, i, n, false)) / 2; }); };
  Line tenkan = middle(whole(g, 0)), kijun = middle(whole(g, 1)), late = middle(whole(g, 2));
  Line early = each(tenkan.size(), [&](size_t i) { return (tenkan[i] + kijun[i]) / 2; });
  return {tenkan, kijun, shifted(early, whole(g, 1)), shifted(late, whole(g, 1)), shifted(b.close, -whole(g, 1))};
}
std::vector<Line> fractals(const mql_series &b) {
  size_t count = b.close.size();
  Line up(count), down(count);
  for (size_t i = 2; i + 2 < count; i++) {
    if (b.high[i] == extreme(b.high, i + 2, 5, true)) up[i] = b.high[i];
    if (b.low[i] == extreme(b.low, i + 2, 5, false)) down[i] = b.low[i];
  }
  return {up, down};
}
std::vector<Line> vigour(const mql_series &b, int n) {
  auto smooth = [&](const Line &x) { return each(x.size(), [&](size_t i) { long k = (long)i; return (at(x, k) + 2 * at(x, k - 1) + 2 * at(x, k - 2) + at(x, k - 3)) / 6; }); };
  Line body = smooth(less(b.close, b.open)), span = smooth(less(b.high, b.low));
  Line main = each(body.size(), [&](size_t i) { double s = sum(span, i, n); return s > 0 ? sum(body, i, n) / s : 0; });
  return {main, smooth(main)};
}
Line money_flow(const mql_series &b, int n) {
  Line x = applied(b, PRICE_TYPICAL);
  return each(x.size(), [&](size_t i) {
    double up = 0, down = 0;
    for (int k = 0; k < n && (size_t)k < i; k++) {
      size_t j = i - (size_t)k;
      (x[j] > x[j - 1] ? up : down) += x[j] == x[j - 1] ? 0 : x[j] * b.volume[j];
    }
    return up + down > 0 ? 100 * up / (up + down) : 50.0;
  });
}
Line demarker(const mql_series &b, int n) {
  Line up = each(b.close.size(), [&](size_t i) { return i ? std::max(b.high[i] - b.high[i - 1], 0.0) : 0; });
  Line down = each(b.close.size(), [&](size_t i) { return i ? std::max(b.low[i - 1] - b.low[i], 0.0) : 0; });
  return each(up.size(), [&](size_t i) { double u = sum(up, i, n), d = sum(down, i, n); return u + d > 0 ? u / (u + d) : 0.5; });
}
Line running(size_t n, const std::vector<double> &steps) {
  Line r(n);
  for (size_t i = 0; i < n; i++) r[i] = (i ? r[i - 1] : 0) + steps[i];
  return r;
}
Line accumulation(const mql_series &b) {
  return running(b.close.size(), each(b.close.size(), [&](size_t i) {
    double span = b.high[i] - b.low[i];
    return span > 0 ? b.volume[i] * (2 * b.close[i] - b.high[i] - b.low[i]) / span : 0.0;
  }));
}
Line awesome(const mql_series &b) {
  Line x = applied(b, PRICE_MEDIAN);
  return less(mean(x, 5, MODE_SMA), mean(x, 34, MODE_SMA));
}
Line adaptive(const Line &x, int n, int fast, int slow) {
  Line r(x.size());
  for (size_t i = 0; i < x.size(); i++) {
    double noise = 0;
    for (size_t k = 0; k < (size_t)n && k + 1 <= i; k++) noise += std::fabs(x[i - k] - x[i - k - 1]);
    double trend = i >= (size_t)n ? std::fabs(x[i] - x[i - (size_t)n]) : 0, quick = 2.0 / (fast + 1), calm = 2.0 / (slow + 1);
    double c = std::pow((noise > 0 ? trend / noise : 0) * (quick - calm) + calm, 2);
    r[i] = i ? r[i - 1] + c * (x[i] - r[i - 1]) : x[i];
  }
  return r;
}
// Of one line: what can be asked of an array too.
bool over_line(const std::string &name, const Line &x, const Given &g, std::vector<Line> &out) {
  int n = std::max(whole(g, 0), 1);
  if (name == "MA") out = {shifted(mean(x, n, whole(g, 2)), whole(g, 1))};
  else if (name == "RSI") out = {rsi(x, n)};
  else if (name == "CCI") out = {cci(x, n)};
  else if (name == "Momentum") out = {each(x.size(), [&](size_t i) { double before = at(x, (long)i - n); return before != 0 ? 100 * x[i] / before : 0; })};
  else if (name == "StdDev") out = {shifted(deviation(x, mean(x, n, whole(g, 2)), n), whole(g, 1))};
  else if (name == "Bands") {
    Line middle = mean(x, n, MODE_SMA), wide = deviation(x, middle, n);
    out = {middle, each(x.size(), [&](size_t i) { return middle[i] + given(g, 2) * wide[i]; }), each(x.size(), [&](size_t i) { return middle[i] - given(g, 2) * wide[i]; })};
    for (auto &line : out) line = shifted(line, whole(g, 1));
  } else if (name == "Envelopes") {
    Line middle = shifted(mean(x, n, whole(g, 2)), whole(g, 1));
    double part = given(g, 4) / 100;
    out = {each(x.size(), [&](size_t i) { return middle[i] * (1 + part); }), each(x.size(), [&](size_t i) { return middle[i] * (1 - part); }), middle};
  } else if (name == "MACD" || name == "OsMA") {
    Line main = less(mean(x, n, MODE_EMA), mean(x, whole(g, 1), MODE_EMA)), signal = mean(main, whole(g, 2), MODE_SMA);
    out = name == "MACD" ? std::vector<Line>{main, signal} : std::vector<Line>{less(main, signal)};
  } else if (name == "DEMA" || name == "TEMA" || name == "TriX") {
    Line one = mean(x, n, MODE_EMA), two = mean(one, n, MODE_EMA), three = mean(two, n, MODE_EMA);
    out = {each(x.size(), [&](size_t i) {
      if (name == "DEMA") return 2 * one[i] - two[i];
      if (name == "TEMA") return 3 * one[i] - 3 * two[i] + three[i];
      return i && three[i - 1] != 0 ? (three[i] - three[i - 1]) / three[i - 1] : 0.0;
    })};
  } else if (name == "AMA") out = {adaptive(x, n, whole(g, 1, 2), whole(g, 2, 30))};
  else return false;
  return true;
}
size_t price_place(const std::string &name) {
  if (name == "MA" || name == "Bands" || name == "StdDev" || name == "Envelopes" || name == "MACD" || name == "OsMA") return 3;
  return name == "DEMA" || name == "TEMA" ? 2 : name == "AMA" ? 4 : 1;
}
std::vector<Line> over_bars(const std::string &name, const mql_series &b, const Given &g) {
  int n = std::max(whole(g, 0), 1);
  size_t count = b.close.size();
  auto of = [&](auto value) { return std::vector<Line>{each(count, value)}; };
  if (name == "ATR") return {mean(ranges(b), n, MODE_SMA)};
  if (name == "ADX") return adx(b, n);
  if (name == "SAR") return {sar(b, given(g, 0), given(g, 1))};
  if (name == "Stochastic") return stochastic(b, g);
  if (name == "Ichimoku") return ichimoku(b, g);
  if (name == "Fractals") return fractals(b);
  if (name == "RVI") return vigour(b, n);
  if (name == "MFI") return {money_flow(b, n)};
  if (name == "DeMarker") return {demarker(b, n)};
  if (name == "AD") return {accumulation(b)};
  if (name == "AO") return {awesome(b)};
  if (name == "AC") { Line x = awesome(b); return {less(x, mean(x, 5, MODE_SMA))}; }
  if (name == "Volumes") return {b.volume};
  if (name == "Chaikin") { Line x = accumulation(b); return {less(mean(x, n, whole(g, 2, MODE_EMA)), mean(x, whole(g, 1), whole(g, 2, MODE_EMA)))}; }
  if (name == "WPR") return of([&](size_t i) { double top = extreme(b.high, i, n, true), span = top - extreme(b.low, i, n, false); return span > 0 ? -100 * (top - b.close[i]) / span : 0; });
  if (name == "BWMFI") return of([&](size_t i) { return b.volume[i] > 0 ? (b.high[i] - b.low[i]) / Point / b.volume[i] : 0; });
  if (name == "OBV") return {running(count, each(count, [&](size_t i) { return !i ? b.volume[i] : b.close[i] > b.close[i - 1] ? b.volume[i] : b.close[i] < b.close[i - 1] ? -b.volume[i] : 0; }))};
  if (name == "Force") { Line x = mean(applied(b, whole(g, 2)), n, whole(g, 1)); return of([&](size_t i) { return i ? b.volume[i] * (x[i] - x[i - 1]) : 0; }); }
  if (name == "BearsPower") return {less(b.low, mean(b.close, n, MODE_EMA))};
  if (name == "BullsPower") return {less(b.high, mean(b.close, n, MODE_EMA))};
  if (name == "Alligator") {
    std::vector<Line> lines;
    for (size_t k = 0; k < 6; k += 2) lines.push_back(shifted(mean(applied(b, whole(g, 7)), whole(g, k), whole(g, 6)), whole(g, k + 1)));
    return lines;
  }
  std::vector<Line> lines;
  over_line(name, applied(b, whole(g, price_place(name))), g, lines);
  return lines;
}
}  // namespace

void mql_moved() { moves++; }
const mql_series &mql_series_of(const string &symbol, int frame) { return fetch(plain_symbol(symbol), frame_of(frame)); }
int mql_indicator(const char *name, const string &symbol, int frame, const Given &g) {
  std::string named = plain_symbol(symbol);
  for (size_t i = 0; i < indicators.size(); i++) {
    const Indicator &one = indicators[i];
    if (one.name == name && one.symbol == named && one.frame == frame_of(frame) && one.given == g) return (int)i + 10;
  }
  indicators.push_back({name, named, frame_of(frame), g, {}, -1});
  return (int)indicators.size() + 9;
}
static const std::vector<Line> &lines_of(int handle) {
  static const std::vector<Line> none;
  if (handle < 10 || handle >= (int)indicators.size() + 10) { mql_fail(4807); return none; }
  Indicator &one = indicators[(size_t)handle - 10];
  if (one.computed != moves) {
    one.computed = moves;
    one.lines = over_bars(one.name, fetch(one.symbol, one.frame), one.given);
  }
  return one.lines;
}
void mql_about(int handle, string &symbol, int &frame) {
  lines_of(handle);
  if (handle < 10 || handle >= (int)indicators.size() + 10) return;
  symbol = mql_make(indicators[(size_t)handle - 10].symbol);
  frame = indicators[(size_t)handle - 10].frame;
}
double mql_value(int handle, int buffer, int shift) {
  auto &lines = lines_of(handle);
  if (buffer < 0 || buffer >= (int)lines.size()) return 0;
  const Line &line = lines[(size_t)buffer];
  return at(line, (long)line.size() - 1 - shift);
}
int mql_values(int handle) {
  auto &lines = lines_of(handle);
  return lines.empty() ? -1 : (int)lines[0].size();
}
double mql_on_array(const char *name, Line x, const Given &g, int buffer, int place) {
  std::vector<Line> lines;
  if (!over_line(name, x, g, lines) || buffer < 0 || buffer >= (int)lines.size()) return 0;
  return at(lines[(size_t)buffer], place);
}
void mql_no_custom(const string &name) {
  static std::map<std::string, bool> told;
  if (told.emplace(mql_plain(name), true).second) mql_print(string(u"cannot load the custom indicator ") + name);
  mql_fail(4072);
}

double mql_bar(const string &symbol, int frame, int what, int shift) {
  const mql_series &b = mql_series_of(symbol, frame);
  long i = (long)b.time.size() - 1 - shift;
  if (shift < 0 || i < 0) return 0;
  if (what == MODE_TIME) return (double)b.time[(size_t)i];
  const Line *lines[] = {&b.open, &b.low, &b.high, &b.close, &b.volume};
  return what < 0 || what > 4 ? 0 : at(*lines[what], i);
}
int iBars(const string &symbol, int frame) { return (int)mql_series_of(symbol, frame).time.size(); }
int iBarShift(const string &symbol, int frame, datetime time, bool exact) {
  const mql_series &b = mql_series_of(symbol, frame);
  for (size_t i = b.time.size(); i > 0; i--)
    if (b.time[i - 1] <= time) return exact && time >= b.time[i - 1] + PeriodSeconds(frame) ? -1 : (int)(b.time.size() - i);
  return exact ? -1 : (int)b.time.size() - 1;
}
int PeriodSeconds(int frame) { return frame_of(frame) * 60; }
mql_long SeriesInfoInteger(const string &symbol, int frame, int what) {
  const mql_series &b = mql_series_of(symbol, frame);
  if (what == SERIES_BARS_COUNT) return (mql_long)b.time.size();
  if (what == SERIES_SYNCHRONIZED) return 1;
  return b.time.empty() ? 0 : what == SERIES_LASTBAR_DATE ? b.time.back() : b.time.front();
}
mql_range mql_chosen(const string &symbol, int frame, int start, int count) {
  int all = iBars(symbol, frame);
  if (start < 0 || start >= all) return {0, 0};
  return {start, std::max(0, std::min(count, all - start))};
}
mql_range mql_chosen(const string &symbol, int frame, datetime start, int count) { return mql_chosen(symbol, frame, iBarShift(symbol, frame, start), count); }
mql_range mql_chosen(const string &symbol, int frame, datetime start, datetime stop) {
  if (start > stop) std::swap(start, stop);
  int newest = iBarShift(symbol, frame, stop), oldest = iBarShift(symbol, frame, start);
  const mql_series &b = mql_series_of(symbol, frame);
  if (oldest >= 0 && b.time[b.time.size() - 1 - (size_t)oldest] < start) oldest--;
  return newest < 0 || oldest < newest ? mql_range{0, 0} : mql_range{newest, oldest - newest + 1};
}

#define OVER(NAME, BUFFER, ...) return mql_value(mql_indicator(NAME, symbol, frame, Given{__VA_ARGS__}), BUFFER, at)
typedef double D;
double iMA(const string &symbol, int frame, int period, int shift, int method, int price, int at) { OVER("MA", 0, D(period), D(shift), D(method), D(price)); }
double iATR(const string &symbol, int frame, int period, int at) { OVER("ATR", 0, D(period)); }
double iRSI(const string &symbol, int frame, int period, int price, int at) { OVER("RSI", 0, D(period), D(price)); }
double iMACD(const string &symbol, int frame, int fast, int slow, int signal, int price, int mode, int at) { OVER("MACD", mode, D(fast), D(slow), D(signal), D(price)); }
double iOsMA(const string &symbol, int frame, int fast, int slow, int signal, int price, int at) { OVER("OsMA", 0, D(fast), D(slow), D(signal), D(price)); }
double iStochastic(const string &symbol, int frame, int k, int d, int slowing, int method, int field, int mode, int at) { OVER("Stochastic", mode, D(k), D(d), D(slowing), D(method), D(field)); }
double iBands(const string &symbol, int frame, int period, double deviation, int shift, int price, int mode, int at) { OVER("Bands", mode, D(period), D(shift), deviation, D(price)); }
double iEnvelopes(const string &symbol, int frame, int period, int method, int shift, int price, double deviation, int mode, int at) { OVER("Envelopes", mode == MODE_MAIN ? 2 : mode - 1, D(period), D(shift), D(method), D(price), deviation); }
double iStdDev(const string &symbol, int frame, int period, int shift, int method, int price, int at) { OVER("StdDev", 0, D(period), D(shift), D(method), D(price)); }
double iCCI(const string &symbol, int frame, int period, int price, int at) { OVER("CCI", 0, D(period), D(price)); }
double iADX(const string &symbol, int frame, int period, int, int mode, int at) { OVER("ADX", mode, D(period)); }
double iSAR(const string &symbol, int frame, double step, double most, int at) { OVER("SAR", 0, step, most); }
double iMomentum(const string &symbol, int frame, int period, int price, int at) { OVER("Momentum", 0, D(period), D(price)); }
double iWPR(const string &symbol, int frame, int period, int at) { OVER("WPR", 0, D(period)); }
double iDeMarker(const string &symbol, int frame, int period, int at) { OVER("DeMarker", 0, D(period)); }
double iForce(const string &symbol, int frame, int period, int method, int price, int at) { OVER("Force", 0, D(period), D(method), D(price)); }
double iMFI(const string &symbol, int frame, int period, int at) { OVER("MFI", 0, D(period)); }
double iOBV(const string &symbol, int frame, int, int at) { OVER("OBV", 0); }
double iAD(const string &symbol, int frame, int at) { OVER("AD", 0); }
double iAO(const string &symbol, int frame, int at) { OVER("AO", 0); }
double iAC(const string &symbol, int frame, int at) { OVER("AC", 0); }
double iBWMFI(const string &symbol, int frame, int at) { OVER("BWMFI", 0); }
double iRVI(const string &symbol, int frame, int period, int mode, int at) { OVER("RVI", mode, D(period)); }
double iFractals(const string &symbol, int frame, int mode, int at) { OVER("Fractals", mode - 1); }
double iBearsPower(const string &symbol, int frame, int period, int, int at) { OVER("BearsPower", 0, D(period)); }
double iBullsPower(const string &symbol, int frame, int period, int, int at) { OVER("BullsPower", 0, D(period)); }
double iAlligator(const string &symbol, int frame, int jaw, int jaw_shift, int teeth, int teeth_shift, int lips, int lips_shift, int method, int price, int mode, int at) { OVER("Alligator", mode - 1, D(jaw), D(jaw_shift), D(teeth), D(teeth_shift), D(lips), D(lips_shift), D(method), D(price)); }
double iIchimoku(const string &symbol, int frame, int tenkan, int kijun, int senkou, int mode, int at) { OVER("Ichimoku", mode - 1, D(tenkan), D(kijun), D(senkou)); }
static int highest(const string &symbol, int frame, int what, int count, int start, bool greatest) {
  int bars = iBars(symbol, frame), best = start;
  int end = count == WHOLE_ARRAY ? bars : std::min(bars, start + count);
  for (int i = start; i < end; i++) {
    double x = mql_bar(symbol, frame, what, i), y = mql_bar(symbol, frame, what, best);
    if (greatest ? x > y : x < y) best = i;
  }
  return start < bars ? best : -1;
}
int iHighest(const string &symbol, int frame, int what, int count, int start) { return highest(symbol, frame, what, count, start, true); }
int iLowest(const string &symbol, int frame, int what, int count, int start) { return highest(symbol, frame, what, count, start, false); }
