#pragma once
#include <fcntl.h>
#include <linux/stat.h>
#include <sqlite3.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// A casted-integer macro, which the importer drops.
static inline sqlite3_destructor_type csqlite_transient(void) { return SQLITE_TRANSIENT; }

// Variadic in C.
static inline int csqlite_configure(sqlite3 *db, int option, int value) {
    return sqlite3_db_config(db, option, value, (int *)0);
}

// Variadic in C.
static inline int csqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

// gettid(2), which is declared under _GNU_SOURCE alone.
static inline int csqlite_thread(void) { return (int)syscall(SYS_gettid); }

// statx(2), which the importer sees neither as a function nor as a type.
static inline int csqlite_birth_of_file(
    const char *path, uint64_t *inode, int64_t *seconds, uint32_t *nanoseconds) {
    struct statx found;
    if (syscall(SYS_statx, AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &found) != 0) return -1;
    *inode = found.stx_ino;
    *seconds = found.stx_mask & STATX_BTIME ? found.stx_btime.tv_sec : 0;
    *nanoseconds = found.stx_mask & STATX_BTIME ? found.stx_btime.tv_nsec : 0;
    return 0;
}
