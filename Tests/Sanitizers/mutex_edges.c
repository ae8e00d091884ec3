// Tells ThreadSanitizer what it cannot see of Swift's `Mutex` (Swift 6.3): where two threads contend for one, it is
// locked and unlocked by functions of libswiftSynchronization, which is not instrumented, so that what one thread wrote
// under the lock looks like a race with what the next one reads. These stand before those functions (LD_PRELOAD) and
// say that the one comes after the other. What does not contend is compiled into our own code and needs no help.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

// There in a program that is instrumented, and in none of the other programs that tests start.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define TRY "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

SWIFT void lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void lock_slow(uint32_t thread, SELF) {
    static SWIFT void (*real)(uint32_t, SELF);
    if (!real) real = (SWIFT void (*)(uint32_t, SELF))next(LOCK);
    real(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT void unlock_slow(SELF) __asm__(UNLOCK);
SWIFT void unlock_slow(SELF) {
    static SWIFT void (*real)(SELF);
    if (!real) real = (SWIFT void (*)(SELF))next(UNLOCK);
    if (__tsan_release) __tsan_release(self);
    real(self);
}

SWIFT bool try_lock_slow(SELF) __asm__(TRY);
SWIFT bool try_lock_slow(SELF) {
    static SWIFT bool (*real)(SELF);
    if (!real) real = (SWIFT bool (*)(SELF))next(TRY);
    bool locked = real(self);
    if (locked && __tsan_acquire) __tsan_acquire(self);
    return locked;
}
