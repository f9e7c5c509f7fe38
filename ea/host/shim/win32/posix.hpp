// What the shim's files ask of POSIX and a Windows program has not, or has otherwise. Put before each of them by the build
// for Windows; the functions are in posix.cpp, for no file that knows MQL's names can take those of windows.h too.
#pragma once
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <io.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#define O_CLOEXEC 0
#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
int win_open(const char *path, int mode, int rights = 0);  // without sharing, as the terminal opens its files
int win_rename(const char *from, const char *to);  // over what is there
inline int flock(int, int) { return 0; }  // win_open has refused already
inline int win_mkdir(const char *path, int) { return ::mkdir(path); }
inline struct tm *gmtime_r(const time_t *t, struct tm *out) { *out = *gmtime(t); return out; }
inline time_t timegm(struct tm *t) { return _mkgmtime(t); }
#define open win_open
#define rename win_rename
#define mkdir win_mkdir
