// The functions of Windows that our programs import: the real ones, looked up in their libraries. How each is declared in MQL
// is compared with its declaration in the headers for Windows: as many arguments, each as wide and a pointer where it is one.
#include <windows.h>
#include <winhttp.h>
#include <wincrypt.h>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <type_traits>

static_assert(sizeof(void *) == 4, "in MetaTrader 4 a handle and an address are an int");
[[noreturn]] void mql_critical(const char *what, long long index, long long size);

namespace {
// p: a pointer or a handle, w: a word, h: half of one, v: nothing
template <class T> char shape() {
  if constexpr (std::is_void_v<T>) return 'v';
  else if constexpr (std::is_pointer_v<T>) return 'p';
  else return sizeof(T) == 2 ? 'h' : sizeof(T) == 4 ? 'w' : '?';
}
template <class R, class... A> std::string shapes(R(WINAPI *)(A...)) { return {shape<R>(), '(', shape<A>()..., ')'}; }
const std::map<std::string, std::string> &real() {
  static const std::map<std::string, std::string> all = {
#define ROW(library, name) {library "/" #name, shapes((decltype(&name))nullptr)}
      ROW("winhttp.dll", WinHttpOpen), ROW("winhttp.dll", WinHttpSetTimeouts), ROW("winhttp.dll", WinHttpConnect),
      ROW("winhttp.dll", WinHttpOpenRequest), ROW("winhttp.dll", WinHttpSetOption), ROW("winhttp.dll", WinHttpSendRequest),
      ROW("winhttp.dll", WinHttpReceiveResponse), ROW("winhttp.dll", WinHttpQueryHeaders), ROW("winhttp.dll", WinHttpReadData),
      ROW("winhttp.dll", WinHttpWebSocketCompleteUpgrade), ROW("winhttp.dll", WinHttpWebSocketSend),
      ROW("winhttp.dll", WinHttpWebSocketReceive), ROW("winhttp.dll", WinHttpWebSocketClose),
      ROW("winhttp.dll", WinHttpWebSocketQueryCloseStatus), ROW("winhttp.dll", WinHttpCloseHandle),
      ROW("kernel32.dll", LocalAlloc), ROW("kernel32.dll", LocalFree),
      ROW("crypt32.dll", CryptProtectData), ROW("crypt32.dll", CryptUnprotectData),
#undef ROW
      {"kernel32.dll/RtlMoveMemory", "v(ppw)"},  // a macro in the headers
      {"ntdll.dll/RtlGetLastWin32Error", "w()"},
      {"advapi32.dll/SystemFunction036", "h(pw)"},  // BOOLEAN: one byte, and only one byte of the answer counts
  };
  return all;
}
// A handle, or an address that is 0 or came from Windows, may be declared as a number; a port as a whole word.
bool fits(char windows, const std::string &declared) {
  if (windows == 'v') return declared == "void";
  bool pointer = !declared.empty() && declared.back() == '*', half = declared == "ushort";
  if (windows == 'p') return !half;
  if (windows == 'h') return !pointer;
  return !pointer && !half;
}
bool fit(const std::string &windows, const std::string &types) {
  size_t at = types.find('(');
  if (at == std::string::npos || !fits(windows[0], types.substr(0, at))) return false;
  size_t place = 2;
  for (size_t next = ++at; (next = types.find(',', at)) != std::string::npos; at = next + 1)
    if (windows[place] == ')' || !fits(windows[place++], types.substr(at, next - at))) return false;
  return windows[place] == ')';
}
}  // namespace

void *mql_import(const char *library, const char *function, const char *types, int) {
  const char *allowed = getenv("MQL_DLLS");
  if (allowed && atoi(allowed) == 0) mql_critical("a DLL is called, and the terminal does not allow it", 0, 0);
  std::string name = std::string(library) + "/" + function;
  auto found = real().find(name);
  if (found == real().end() || !fit(found->second, types)) {
    printf("%s is declared as %s\n", name.c_str(), types);
    mql_critical("a function of Windows is declared with other types than it has", 0, 0);
  }
  HMODULE loaded = LoadLibraryA(library);
  void *at = loaded ? (void *)GetProcAddress(loaded, function) : nullptr;
  if (!at) {
    printf("%s is not in this Windows\n", name.c_str());
    mql_critical("a function of a library that is not here", 0, 0);
  }
  return at;
}
