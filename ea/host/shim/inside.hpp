// What the files of the shim share, and no program sees.
#pragma once
#include <string>
#include <vector>
#include "types.hpp"

std::string mql_utf8(const std::u16string &s);
std::u16string mql_utf16(const std::string &s);
extern int mql_spoken_language;  // of the program: 4 or 5
void mql_fail(int code);  // what GetLastError will say
std::string mql_env(const char *name, const char *otherwise);
std::string mql_ask(const std::string &question);  // one line to the simulator, one line back
std::vector<std::string> mql_split(const std::string &s, char separator);
inline string mql_make(const std::string &s) { return string(mql_utf16(s)); }
inline std::string mql_plain(const string &s) { return mql_utf8(s.s); }
void mql_transaction(void *hook, const std::string &deal, const std::string &position);  // calls OnTradeTransaction
int os_connect(const std::string &host, int port, int timeout_ms);
bool os_send(int s, const std::string &bytes);
int os_receive(int s, char *p, int n);
void os_close(int s);
