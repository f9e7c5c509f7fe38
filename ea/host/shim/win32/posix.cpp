// Files without sharing, sockets of the simulator, and a standard output without carriage returns, by Windows.
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <fcntl.h>
#include <io.h>
#include <string>
#include <sys/stat.h>

int win_open(const char *path, int mode, int) {
  DWORD access = (mode & O_RDWR) ? GENERIC_READ | GENERIC_WRITE : (mode & O_WRONLY) ? GENERIC_WRITE : GENERIC_READ;
  DWORD how = (mode & O_TRUNC) ? CREATE_ALWAYS : (mode & O_CREAT) ? OPEN_ALWAYS : OPEN_EXISTING;
  HANDLE file = CreateFileA(path, access, 0, nullptr, how, FILE_ATTRIBUTE_NORMAL, nullptr);
  return file == INVALID_HANDLE_VALUE ? -1 : _open_osfhandle((intptr_t)file, (mode & (O_RDWR | O_WRONLY)) | O_BINARY);
}
int win_rename(const char *from, const char *to) { return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING) ? 0 : -1; }

static const int prepared = [] {
  WSADATA told;
  _setmode(1, O_BINARY);
  return WSAStartup(MAKEWORD(2, 2), &told);
}();
int os_connect(const std::string &host, int port, int timeout_ms) {
  sockaddr_in a = {};
  DWORD patience = (DWORD)timeout_ms;
  BOOL one = TRUE;
  a.sin_family = AF_INET;
  a.sin_port = htons((u_short)port);
  a.sin_addr.s_addr = inet_addr(host.c_str());
  SOCKET s = prepared == 0 && ntohl(a.sin_addr.s_addr) >> 24 == 127 ? socket(AF_INET, SOCK_STREAM, 0) : INVALID_SOCKET;
  if (s == INVALID_SOCKET) return -1;
  if (connect(s, (sockaddr *)&a, sizeof a) != 0) { closesocket(s); return -1; }
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&one, sizeof one);
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience, sizeof patience);
  return (int)s;
}
bool os_send(int s, const std::string &bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    int n = send((SOCKET)s, bytes.data() + sent, (int)(bytes.size() - sent), 0);
    if (n <= 0) return false;
    sent += (size_t)n;
  }
  return true;
}
int os_receive(int s, char *p, int n) { return recv((SOCKET)s, p, n, 0); }
void os_close(int s) { closesocket((SOCKET)s); }
