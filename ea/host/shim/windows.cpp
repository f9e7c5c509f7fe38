// The functions of Windows that our programs import: WinHTTP over real sockets (http and ws on loopback), DPAPI and random
// bytes. A function of any other library is not here, and a program that calls one is told so.
//
// The declared types are compared with those of Windows: in MetaTrader 4 a handle and an address are an int. Addresses that
// Windows hands out are numbers of a table here, which is what an int can hold.
// MQL_LOSE_FILE: while this file is there, requests are sent and their answers are lost; a socket breaks when it is read.
// MQL_FREEZE_FILE: while it is there nothing comes, until MQL_DEAD_LINK_MS have passed, when the link is given up as TCP does.
// MQL_DROP_FILE: the next message with the text in this file, to or from the program, is lost, and the file goes.
// MQL_UPGRADES=0: something on the way refuses WebSockets. MQL_DPAPI=0: Windows does not wrap. MQL_WINDOWS_USER: who wraps.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sys/random.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include "mql.hpp"
#include "inside.hpp"

namespace {
enum Kind { SESSION, CONNECTION, REQUEST, SOCKET };
struct Handle {
  explicit Handle(Kind k) : kind(k) {}
  Kind kind;
  std::string host, verb, path, came, rest;
  int port = 0, socket = -1, timeout = 30000, closed = 0;
  bool upgrade = false, secure = false, binary = false;
};
// Never destroyed: programs call Windows from the destructors of their globals.
std::map<int, Handle> &handles = *new std::map<int, Handle>;
std::map<int, std::string> &memory = *new std::map<int, std::string>;
int next_handle = 1, next_memory = 0x1000;
unsigned int failure = 0;

constexpr size_t MESSAGE_MOST = 1u << 26;

std::string narrow(const char16_t *text) { return text ? mql_utf8(text) : ""; }
bool there(const char *variable) { const char *file = getenv(variable); return file && ::access(file, F_OK) == 0; }
int number(const char *variable, int otherwise) { const char *text = getenv(variable); return text ? atoi(text) : otherwise; }
template <class T> T fails(unsigned int code) { failure = code; return 0; }
int put(Handle h) { handles.emplace(next_handle, std::move(h)); return next_handle++; }
Handle *find(mql_long h, Kind kind) {
  auto found = handles.find((int)h);
  return found == handles.end() || found->second.kind != kind ? nullptr : &found->second;
}

template <class W> W Open(const char16_t *, uint access, const char16_t *, const char16_t *, uint) { return access == 4 || access == 0 ? put(Handle(SESSION)) : fails<W>(87); }
template <class W> int SetTimeouts(W h, int, int, int, int receive) {
  auto found = handles.find((int)h);
  if (found == handles.end()) return fails<int>(6);
  found->second.timeout = receive;
  return 1;
}
template <class W> W Connect(W session, const char16_t *host, int port, uint) {
  Handle *s = find(session, SESSION);
  if (!s) return fails<W>(6);
  Handle h(CONNECTION);
  h.host = narrow(host);
  h.port = port;
  return put(h);
}
template <class W> W OpenRequest(W connection, const char16_t *verb, const char16_t *path, const char16_t *, const char16_t *, W, uint flags) {
  Handle *c = find(connection, CONNECTION);
  if (!c) return fails<W>(6);
  Handle h = *c;
  h.kind = REQUEST;
  h.verb = narrow(verb);
  h.path = narrow(path);
  h.secure = flags & 0x00800000;
  return put(h);
}
template <class W> int SetOption(W handle, uint option, uint *, uint size) {
  auto found = handles.find((int)handle);
  if (found == handles.end()) return fails<int>(6);
  Handle &h = found->second;
  if (option == 114 && h.kind == REQUEST && size == 0) { h.upgrade = true; return 1; }
  return (option == 115 || option == 116) && h.kind == SOCKET && size == 4 ? 1 : fails<int>(12009);
}
template <class W> int SendRequest(W request, const char16_t *headers, uint length, uchar *body, uint size, uint total, W) {
  Handle *h = find(request, REQUEST);
  if (!h || total != size) return fails<int>(87);
  if (h->secure) return fails<int>(12175);  // no certificates here
  h->socket = os_connect(h->host, h->port, h->timeout);
  if (h->socket < 0) return fails<int>(12029);
  std::string text = h->verb + " " + h->path + " HTTP/1.1\r\nHost: " + h->host + ":" + std::to_string(h->port) + "\r\n" + narrow(headers).substr(0, length);
  if (h->upgrade) text += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  else text += "Connection: close\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string((const char *)body, size);
  return os_send(h->socket, text) ? 1 : fails<int>(12030);
}
bool more(Handle &h) {
  char block[8192];
  int k = os_receive(h.socket, block, sizeof block);
  if (k > 0) h.came.append(block, (size_t)k);
  return k > 0;
}
template <class W> int ReceiveResponse(W request, W) {
  Handle *h = find(request, REQUEST);
  if (!h || h->socket < 0) return fails<int>(6);
  while (h->came.find("\r\n\r\n") == std::string::npos)
    if (!more(*h)) return fails<int>(h->came.empty() ? 12002 : 12152);
  if (!h->upgrade)
    while (more(*h)) {}
  if (there("MQL_LOSE_FILE")) return fails<int>(12030);
  if (h->upgrade && number("MQL_UPGRADES", 1) == 0) h->came = "HTTP/1.1 400 Bad Request\r\n\r\n";
  return 1;
}
template <class W> int QueryHeaders(W request, uint what, const char16_t *, uint *value, uint *size, uint *) {
  Handle *h = find(request, REQUEST);
  if (!h || *size != 4) return fails<int>(87);
  std::string head = h->came.substr(0, h->came.find("\r\n\r\n"));
  if (what == 0x20000013) { *value = (uint)atoi(head.c_str() + 9); return 1; }
  for (auto &c : head) c = (char)tolower(c);
  size_t at = head.find("\r\nretry-after:");
  if (what != 0x20000024 || at == std::string::npos) return fails<int>(12150);
  *value = (uint)atoi(head.c_str() + at + 14);
  return 1;
}
template <class W> int ReadData(W request, uchar *buffer, uint size, uint *count) {
  Handle *h = find(request, REQUEST);
  if (!h) return fails<int>(6);
  size_t end = h->came.find("\r\n\r\n") + 4;
  *count = (uint)std::min((size_t)size, h->came.size() - end);
  memcpy(buffer, h->came.data() + end, *count);
  h->came.erase(end, *count);
  return 1;
}
template <class W> W CompleteUpgrade(W request, W) {
  Handle *h = find(request, REQUEST);
  if (!h || h->came.compare(0, 12, "HTTP/1.1 101")) return fails<W>(12152);
  Handle socket = *h;
  socket.kind = SOCKET;
  socket.came = h->came.substr(h->came.find("\r\n\r\n") + 4);
  h->socket = -1;
  timeval t = {number("MQL_DEAD_LINK_MS", 15000) / 1000, number("MQL_DEAD_LINK_MS", 15000) % 1000 * 1000};
  ::setsockopt(socket.socket, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
  return put(socket);
}
uint frame(Handle &h, int kind, const std::string &data) {
  std::string text(1, (char)(0x80 | kind));
  uchar mask[4];
  if (::getrandom(mask, 4, 0) != 4) return 12030;
  if (data.size() < 126) text += (char)(0x80 | data.size());
  else if (data.size() < 65536) { text += (char)(0x80 | 126); text += (char)(data.size() >> 8); text += (char)data.size(); }
  else return 87;
  text.append((const char *)mask, 4);
  for (size_t i = 0; i < data.size(); i++) text += (char)(data[i] ^ mask[i & 3]);
  return os_send(h.socket, text) ? 0 : 12030;
}
bool dropped(const std::string &message) {
  const char *file = getenv("MQL_DROP_FILE");
  if (!file) return false;
  std::ifstream in(file);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  return !text.empty() && message.find(text) != std::string::npos && ::unlink(file) == 0;
}
template <class W> uint SocketSend(W socket, uint type, uchar *data, uint size) {
  Handle *h = find(socket, SOCKET);
  if (!h || h->closed) return 4317;
  if (type != 2) return 87;
  std::string message((const char *)data, size);
  return dropped(message) ? 0 : frame(*h, 1, message);
}
uint wait_for(Handle &h, size_t size) {
  auto began = std::chrono::steady_clock::now();
  while (there("MQL_FREEZE_FILE")) {
    if (std::chrono::steady_clock::now() - began > std::chrono::milliseconds(number("MQL_DEAD_LINK_MS", 15000))) return 12030;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  while (h.came.size() < size)
    if (!more(h)) return 12030;
  return there("MQL_LOSE_FILE") ? 12030 : 0;
}
// As much of a message as there is room for: 2 and 0 are the end of a text and of bytes, 3 and 1 what comes before the end.
uint piece(Handle &h, uchar *buffer, uint size, uint *count, uint *type) {
  *count = (uint)std::min((size_t)size, h.rest.size());
  memcpy(buffer, h.rest.data(), *count);
  h.rest.erase(0, *count);
  *type = (h.binary ? 0u : 2u) + (h.rest.empty() ? 0u : 1u);
  return 0;
}
template <class W> uint SocketReceive(W socket, uchar *buffer, uint size, uint *count, uint *type) {
  Handle *h = find(socket, SOCKET);
  if (!h || h->closed) return 4317;
  if (!h->rest.empty()) return piece(*h, buffer, size, count, type);
  for (;;) {
    if (uint e = wait_for(*h, 2)) return e;
    size_t head = 2, length = (uchar)h->came[1] & 127u;
    int kind = h->came[0] & 15;
    if (length == 126) {
      if (uint e = wait_for(*h, 4)) return e;
      length = (size_t)(uchar)h->came[2] << 8 | (uchar)h->came[3];
      head = 4;
    } else if (length == 127) {
      if (uint e = wait_for(*h, 10)) return e;
      for (size_t i = length = 0; i < 8; i++) length = length << 8 | (uchar)h->came[2 + i];
      if (length > MESSAGE_MOST) return 12152;
      head = 10;
    }
    if (uint e = wait_for(*h, head + length)) return e;
    std::string data = h->came.substr(head, length);
    h->came.erase(0, head + length);
    if (kind == 9) frame(*h, 10, data);
    if (kind == 9 || kind == 10) continue;
    if (kind == 8) {
      h->closed = data.size() >= 2 ? (uchar)data[0] << 8 | (uchar)data[1] : 1005;
      frame(*h, 8, data.substr(0, 2));
      *type = 4;
      *count = 0;
      return 0;
    }
    if (dropped(data)) continue;
    h->rest = data;
    h->binary = kind == 2;
    return piece(*h, buffer, size, count, type);
  }
}
template <class W> uint SocketClose(W socket, ushort status, uchar *, uint) {
  Handle *h = find(socket, SOCKET);
  if (!h) return 6;
  std::string code{(char)(status >> 8), (char)status};
  if (h->closed) return 0;
  uint failed = frame(*h, 8, code);
  timeval t = {0, 500000};  // WINHTTP_OPTION_WEB_SOCKET_CLOSE_TIMEOUT, as our program sets it
  ::setsockopt(h->socket, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
  while (!failed && more(*h)) {}  // what still comes is not for anybody; the peer closes
  return failed;
}
template <class W> uint QueryCloseStatus(W socket, ushort *status, uchar *, uint, uint *count) {
  Handle *h = find(socket, SOCKET);
  if (!h || !h->closed) return 4317;
  *status = (ushort)h->closed;
  *count = 0;
  return 0;
}
template <class W> int CloseHandle(W handle) {
  auto found = handles.find((int)handle);
  if (found == handles.end()) return fails<int>(6);
  if (found->second.socket >= 0) os_close(found->second.socket);
  handles.erase(found);
  return 1;
}

template <class W> W Allocate(uint, W size) { memory[next_memory] = std::string((size_t)size, '\0'); return next_memory++; }
template <class W> W Free(W at) {
  if (!memory.erase((int)at)) mql_critical("memory of Windows that is not there is freed", (mql_long)at, 0);
  return 0;
}
std::string &block(mql_long at, mql_long size) {
  auto found = memory.find((int)at);
  if (found == memory.end() || size < 0 || (size_t)size > found->second.size()) mql_critical("memory of Windows is moved beyond its end", at, size);
  return found->second;
}
template <class W> void MoveIn(W target, uchar *source, W size) { memcpy(block(target, size).data(), source, (size_t)size); }
template <class W> void MoveOut(uchar *target, W source, W size) { memcpy(target, block(source, size).data(), (size_t)size); }
template <class W> std::string &blob(const uchar *at) {
  uint size;
  W where;
  memcpy(&size, at, 4);
  memcpy(&where, at + sizeof(W), sizeof where);
  return block(where, size);
}
template <class W> void give(uchar *at, const std::string &content) {
  uint size = (uint)content.size();
  W where = next_memory;
  memory[next_memory++] = content;
  memcpy(at, &size, 4);
  memcpy(at + sizeof(W), &where, sizeof where);
}
// No secret from whoever reads this file: it stands for a wrapping that another user cannot undo.
std::string turned(std::string text) {
  std::string user = mql_env("MQL_WINDOWS_USER", "trader");
  for (size_t i = 0; i < text.size(); i++) text[i] = (char)(text[i] ^ user[i % user.size()] ^ 0x5A);
  return text;
}
template <class W> int Protect(uchar *given, const char16_t *name, W, W, W, uint flags, uchar *got) {
  if (!name || flags != 1 || number("MQL_DPAPI", 1) == 0) return fails<int>(87);
  give<W>(got, turned("dpapi" + blob<W>(given)));
  return 1;
}
template <class W> int Unprotect(uchar *given, W, W, W, W, uint flags, uchar *got) {
  std::string text = turned(blob<W>(given));
  if (flags != 1 || number("MQL_DPAPI", 1) == 0 || text.compare(0, 5, "dpapi")) return fails<int>(13);
  give<W>(got, text.substr(5));
  return 1;
}
uint LastError() { return failure; }
int Bytes(uchar *buffer, uint size) { return ::getrandom(buffer, size, 0) == (ssize_t)size ? 0x7F01 : 0x7F00; }  // one byte of it counts

// A function and its types, as the translator writes them.
template <class T> std::string word() {
  if constexpr (std::is_pointer_v<T>) return word<std::remove_const_t<std::remove_pointer_t<T>>>() + "*";
  else if constexpr (std::is_same_v<T, int>) return "int";
  else if constexpr (std::is_same_v<T, uint>) return "uint";
  else if constexpr (std::is_same_v<T, ushort>) return "ushort";
  else if constexpr (std::is_same_v<T, uchar>) return "uchar";
  else if constexpr (std::is_same_v<T, char16_t>) return "text";
  else if constexpr (std::is_same_v<T, void>) return "void";
  else return "mql_long";
}
template <class R, class... A> std::string types_of(R (*)(A...)) { std::string text = word<R>() + "("; ((text += word<A>() + ","), ...); return text + ")"; }
std::map<std::string, std::map<std::string, void *>> &table = *new std::map<std::string, std::map<std::string, void *>>;
template <class F> void row(const char *name, F *function) { table[name][types_of(function)] = (void *)function; }
template <class W> void rows() {
  row("winhttp.dll/WinHttpOpen", Open<W>);
  row("winhttp.dll/WinHttpSetTimeouts", SetTimeouts<W>);
  row("winhttp.dll/WinHttpConnect", Connect<W>);
  row("winhttp.dll/WinHttpOpenRequest", OpenRequest<W>);
  row("winhttp.dll/WinHttpSetOption", SetOption<W>);
  row("winhttp.dll/WinHttpSendRequest", SendRequest<W>);
  row("winhttp.dll/WinHttpReceiveResponse", ReceiveResponse<W>);
  row("winhttp.dll/WinHttpQueryHeaders", QueryHeaders<W>);
  row("winhttp.dll/WinHttpReadData", ReadData<W>);
  row("winhttp.dll/WinHttpWebSocketCompleteUpgrade", CompleteUpgrade<W>);
  row("winhttp.dll/WinHttpWebSocketSend", SocketSend<W>);
  row("winhttp.dll/WinHttpWebSocketReceive", SocketReceive<W>);
  row("winhttp.dll/WinHttpWebSocketClose", SocketClose<W>);
  row("winhttp.dll/WinHttpWebSocketQueryCloseStatus", QueryCloseStatus<W>);
  row("winhttp.dll/WinHttpCloseHandle", CloseHandle<W>);
  row("kernel32.dll/LocalAlloc", Allocate<W>);
  row("kernel32.dll/LocalFree", Free<W>);
  row("kernel32.dll/RtlMoveMemory", MoveIn<W>);
  row("kernel32.dll/RtlMoveMemory", MoveOut<W>);
  row("crypt32.dll/CryptProtectData", Protect<W>);
  row("crypt32.dll/CryptUnprotectData", Unprotect<W>);
}
}  // namespace

void *mql_import(const char *library, const char *function, const char *types, int language) {
  if (number("MQL_DLLS", 1) == 0) mql_critical("a DLL is called, and the terminal does not allow it", 0, 0);
  if (table.empty()) {
    language == 4 ? rows<int>() : rows<mql_long>();
    row("ntdll.dll/RtlGetLastWin32Error", LastError);
    row("advapi32.dll/SystemFunction036", Bytes);
  }
  std::string name = std::string(library) + "/" + function;
  auto found = table.find(name);
  if (found == table.end()) {
    mql_print(mql_make("no library " + std::string(library) + " here, for " + function));
    mql_critical("a function of a library that is not here", 0, 0);
  }
  auto exact = found->second.find(types);
  if (exact == found->second.end()) {
    mql_print(mql_make(name + " is declared as " + types));
    mql_critical("a function of Windows is declared with other types than it has", 0, 0);
  }
  return exact->second;
}
