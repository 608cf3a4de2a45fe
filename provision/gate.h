/* gate: lets at most `width` through at the same time, of those that wait the one with the lowest number first. */
#pragma once
#include "core/base/macros.h"

struct gate;
struct gate *gate_new(size_t n, unsigned width) MUST_USE; /* numbers are 0 … n-1, each used by one thread at a time */
void gate_enter(struct gate *g, size_t number);
void gate_leave(struct gate *g);
void gate_free(struct gate *g);
