/*
 * live: events for people while they happen.  On a terminal one line for each subject with phase and time, redrawn in place;
 * elsewhere a line for each end of a phase.  Log lines appear above the block.  It also keeps the phases for the closing table.
 */
#pragma once
#include "cmd/options.h"
#include "core/cluster/events.h"
#include "core/cluster/state.h"

struct live;
/* Redraws where stderr is a terminal and the log is none for machines; with -q it only keeps the phases.  state may be NULL: events are not kept. */
struct live *live_new(struct events *events, struct state *state, const struct options *o);
void live_phases(struct live *l); /* the closing table on stderr: subject, phases, seconds */
void live_free(struct live *l); /* leaves the last picture on the screen */
