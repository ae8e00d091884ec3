#include "jemalloc_options.h"

// One arena and small caches of threads, as two threads of a daemon do the allocating; what is free for a second goes
// back to the system (jemalloc(3), TUNING; docs/decisions/0191).
const char *malloc_conf =
    "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0,lg_tcache_max:12,tcache_nslots_small_max:50";
