// What the program tells its allocator, which looks this name up as it starts, before anything of ours runs. A program
// that is linked without jemalloc has it for nothing. `MALLOC_CONF` in the environment still has the last word.
#ifndef JEMALLOC_OPTIONS_H
#define JEMALLOC_OPTIONS_H

extern const char *malloc_conf;

#endif
