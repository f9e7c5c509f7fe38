// WebRequest is the terminal's, not Windows': not here, so that what gets through has gone by Windows.
#include "mql.hpp"
#include "inside.hpp"

int mql_web_request(const string &, const string &, const string &, int, const uchar *, int, std::vector<uchar> &, string &) {
  mql_fail(ERR_FUNCTION_NOT_CONFIRMED);
  return -1;
}
