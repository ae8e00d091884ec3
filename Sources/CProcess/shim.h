// What glibc (2.34 and later) has for starting processes, waking threads and exchanging files, and shows only under
// _GNU_SOURCE, or not at all, in Swift's own module of it.
#ifndef CPROCESS_SHIM_H
#define CPROCESS_SHIM_H

#include <spawn.h>
#include <sys/eventfd.h>

int pipe2(int ends[2], int flags);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);
// All of the file system that a file is in.
int syncfs(int file);
// Flags: 1 replaces nothing, 2 exchanges the two.
int renameat2(int directory, const char *from, int other, const char *to, unsigned int flags);

#endif
