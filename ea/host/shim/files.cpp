// Files of the terminal: a folder of its own, a buffer that FileFlush empties, locks between programs, and disks that fail.
// MQL_DATA: the folder. MQL_DIE_AT_BYTE: the process ends, as by kill -9, when so many bytes have been written in all.
// MQL_DISK_BYTES: the disk is full after so many. MQL_FULL_FILE: it is full while this file is there. MQL_DIE_FILE: when this
// file appears, the process ends in the next record of the journal whose kind it names, when the share has been written that it
// says, in percent.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "mql.hpp"
#include "inside.hpp"

namespace {
struct File { int fd; int flags; uint page; std::string buffer; char separator; bool line_ended; };
std::map<int, File> &open_files = *new std::map<int, File>;  // objects of the program may close files when it ends
int next_handle = 1;
long long written = 0;

std::string path_of(const string &name) {
  std::string folder = mql_env("MQL_DATA", "."), path = mql_plain(name);
  for (auto &c : path) if (c == '\\') c = '/';
  if (path.find("..") != std::string::npos) return "";
  ::mkdir(folder.c_str(), 0777);
  for (size_t p = path.find('/'); p != std::string::npos; p = path.find('/', p + 1)) ::mkdir((folder + "/" + path.substr(0, p)).c_str(), 0777);
  return folder + "/" + path;
}
long long limit(const char *name) {
  const char *v = getenv(name);
  return v ? atoll(v) : -1;
}
// The share of this record after which the process is to end, or -1. A record begins with its length, five digits.
int sentenced(const std::string &bytes) {
  static const char *sentence = getenv("MQL_DIE_FILE");
  char kind = 0;
  int share = -1;
  FILE *told = sentence && bytes.find_first_not_of("0123456789") == 5 ? fopen(sentence, "r") : nullptr;
  if (!told) return -1;
  bool read = fscanf(told, " %c %d", &kind, &share) == 2;
  fclose(told);
  if (!read || bytes.compare(5, 3, std::string(" ") + kind + " ") != 0) return -1;
  ::unlink(sentence);
  return share;
}
size_t to_disk(int fd, const std::string &bytes) {
  static const long long full = limit("MQL_DISK_BYTES");
  static long long death = limit("MQL_DIE_AT_BYTE");
  size_t n = bytes.size();
  if (int share = sentenced(bytes); share >= 0) death = written + (long long)n * share / 100;
  if (const char *filled = getenv("MQL_FULL_FILE"); filled && ::access(filled, F_OK) == 0) n = 0;
  if (full >= 0 && written + (long long)n > full) n = written < full ? (size_t)(full - written) : 0;
  bool dies = death >= 0 && written + (long long)n >= death;
  if (dies) n = (size_t)(death - written);
  ssize_t done = n ? ::write(fd, bytes.data(), n) : 0;
  if (done > 0) written += done;
  if (dies) ::_exit(137);
  return done > 0 ? (size_t)done : 0;
}
bool flush(File &f) {
  size_t n = f.buffer.size(), done = n ? to_disk(f.fd, f.buffer) : 0;
  f.buffer.clear();
  if (done < n) mql_fail(5022);
  return done == n;
}
File *find(int h) {
  auto i = open_files.find(h);
  if (i == open_files.end()) { mql_fail(5002); return nullptr; }
  return &i->second;
}
}  // namespace

int FileOpen(const string &name, int flags, short separator, uint page) {
  std::string path = path_of(name);
  int mode = (flags & 3) == 3 ? O_RDWR | O_CREAT : (flags & 2) ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY;
  int fd = path.empty() ? -1 : ::open(path.c_str(), (mode & ~O_TRUNC) | O_CLOEXEC, 0666);
  if (fd < 0) { mql_fail(path.empty() ? 5003 : 5004); return INVALID_HANDLE; }
  bool shared = flags & (FILE_SHARE_READ | FILE_SHARE_WRITE);
  if (::flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 || ((mode & O_TRUNC) && ::ftruncate(fd, 0) != 0)) {
    ::close(fd);
    mql_fail(5004);
    return INVALID_HANDLE;
  }
  open_files[next_handle] = File{fd, flags, page, "", (char)separator, false};
  return next_handle++;
}
void FileClose(int h) {
  if (File *f = find(h)) { flush(*f); ::close(f->fd); open_files.erase(h); }
}
void FileFlush(int h) { if (File *f = find(h)) flush(*f); }
bool FileSeek(int h, mql_long to, int from) {
  File *f = find(h);
  return f && flush(*f) && ::lseek(f->fd, to, from == SEEK_END ? 2 : from == SEEK_CUR ? 1 : 0) >= 0;
}
mql_ulong FileTell(int h) { File *f = find(h); return f ? (mql_ulong)::lseek(f->fd, 0, 1) + f->buffer.size() : 0; }
mql_ulong FileSize(int h) {
  File *f = find(h);
  struct stat s;
  return f && ::fstat(f->fd, &s) == 0 ? (mql_ulong)s.st_size + f->buffer.size() : 0;
}
bool FileIsEnding(int h) { return !find(h) || FileTell(h) >= FileSize(h); }
uint mql_file_read(int h, void *p, uint n) {
  File *f = find(h);
  if (!f) return 0;
  flush(*f);
  ssize_t k = ::read(f->fd, p, n);
  return k > 0 ? (uint)k : 0;
}
// As the C library of the terminal: a buffer of 4 KiB, written when it is full or flushed.
uint mql_file_write(int h, const void *p, uint n) {
  File *f = find(h);
  if (!f || !(f->flags & FILE_WRITE)) return 0;
  f->buffer.append((const char *)p, n);
  if (f->buffer.size() >= 4096 && !flush(*f)) return 0;
  return n;
}
string FileReadString(int h, int length) {
  std::string line;
  char c = '\n';
  if (length < 0) length = 1 << 30;
  File *csv = find(h);
  char separator = csv && (csv->flags & FILE_CSV) ? csv->separator : '\n';
  while (length-- > 0 && mql_file_read(h, &c, 1) == 1 && c != '\n' && c != separator) line += c;
  if (csv) csv->line_ended = c == '\n' || FileIsEnding(h);
  while (!line.empty() && line.back() == '\r') line.pop_back();
  File *f = find(h);
  return mql_decode((const uchar *)line.data(), (int)line.size(), f ? f->page : CP_ACP);
}
uint FileWriteString(int h, const string &s, int length) {
  File *f = find(h);
  if (!f) return 0;
  std::string bytes = mql_encode(s, f->page);
  if (length >= 0) bytes.resize((size_t)length);
  return mql_file_write(h, bytes.data(), (uint)bytes.size());
}
int FileOpen(const string &name, int flags, const string &separator, uint page) { return FileOpen(name, flags, (short)StringGetCharacter(separator, 0), page); }
ushort mql_file_separator(int h) { File *f = find(h); return f && f->separator ? (ushort)f->separator : (ushort)'\t'; }
bool FileIsLineEnding(int h) { File *f = find(h); return !f || f->line_ended; }
double FileReadNumber(int h) { return StringToDouble(FileReadString(h)); }
mql_long FileGetInteger(int h, int what) { return what == FILE_POSITION ? (mql_long)FileTell(h) : what == FILE_END ? FileIsEnding(h) : what == FILE_LINE_END ? FileIsLineEnding(h) : (mql_long)FileSize(h); }
mql_long FileGetInteger(const string &n, int what, bool) {
  struct stat s;
  bool there = ::stat(path_of(n).c_str(), &s) == 0;
  return what == FILE_EXISTS ? there : !there ? -1 : what <= FILE_ACCESS_DATE ? (mql_long)s.st_mtime : (mql_long)s.st_size;
}
mql_long FileFindFirst(const string &, string &name, int) { name = string(); mql_fail(5018); return INVALID_HANDLE; }
bool FileFindNext(mql_long, string &name) { name = string(); return false; }
void FileFindClose(mql_long) {}
bool FolderClean(const string &, int) { return true; }
bool FolderDelete(const string &n, int) { return ::rmdir(path_of(n).c_str()) == 0; }
bool FileIsExist(const string &n, int) { return ::access(path_of(n).c_str(), F_OK) == 0; }
bool FileDelete(const string &n, int) { return ::unlink(path_of(n).c_str()) == 0; }
bool FolderCreate(const string &n, int) { return ::mkdir(path_of(n).c_str(), 0777) == 0; }
bool FileMove(const string &a, int, const string &b, int flags) {
  if (!(flags & FILE_REWRITE) && FileIsExist(b)) { mql_fail(5020); return false; }
  return ::rename(path_of(a).c_str(), path_of(b).c_str()) == 0;
}
bool FileCopy(const string &a, int, const string &b, int flags) {
  if (!(flags & FILE_REWRITE) && FileIsExist(b)) { mql_fail(5020); return false; }
  int from = ::open(path_of(a).c_str(), O_RDONLY | O_CLOEXEC), to = ::open(path_of(b).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  char block[4096];
  ssize_t n = 0;
  bool fine = from >= 0 && to >= 0;
  while (fine && (n = ::read(from, block, sizeof block)) > 0) fine = to_disk(to, std::string(block, (size_t)n)) == (size_t)n;
  ::close(from);
  ::close(to);
  return fine;
}
