#pragma once
#include <stddef.h>
#include <stdint.h>

/// libFuzzer, in its form without a `main` of its own.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one_input)(const uint8_t *data, size_t size));
