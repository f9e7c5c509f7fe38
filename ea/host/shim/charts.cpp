// What a chart of 1,000 by 600 pixels answers, and dialogs that nobody sees.
#include <ctime>
#include "mql.hpp"
#include "inside.hpp"

mql_long ChartGetInteger(mql_long, int what, int) {
  switch (what) {
    case CHART_WIDTH_IN_PIXELS: return 1000;
    case CHART_HEIGHT_IN_PIXELS: return 600;
    case CHART_WIDTH_IN_BARS: case CHART_VISIBLE_BARS: case CHART_FIRST_VISIBLE_BAR: return 100;
    case CHART_WINDOWS_TOTAL: case CHART_WINDOW_IS_VISIBLE: case CHART_BRING_TO_TOP: return 1;
    case CHART_SCALE: return 3;
    case CHART_MODE: return CHART_CANDLES;
    default: return 0;
  }
}
double ChartGetDouble(mql_long, int what, int) { return what == CHART_PRICE_MAX ? WindowPriceMax() : what == CHART_PRICE_MIN ? WindowPriceMin() : 0; }
int MessageBox(const string &text, const string &caption, int flags) {
  mql_print(caption + string(u": ") + text);
  return (flags & 7) == MB_YESNO || (flags & 7) == MB_YESNOCANCEL ? IDYES : IDOK;
}
datetime StructToTime(const MqlDateTime &t) {
  struct tm g = {};
  g.tm_year = t.year - 1900; g.tm_mon = t.mon - 1; g.tm_mday = t.day; g.tm_hour = t.hour; g.tm_min = t.min; g.tm_sec = t.sec;
  return (datetime)timegm(&g);
}
