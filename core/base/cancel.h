/*
 * cancel: one switch for the whole process.  A signal handler (or a test) turns it once; every wait of the program is on
 * {its fd, the cancel fd} with a deadline, so that all threads wake at once.  Never turned back, except by tests.
 */
#pragma once
#include "core/base/error.h"

void cancel_init(void); /* before any thread; installs nothing */
/* SIGINT, SIGTERM, SIGHUP turn the switch; a SIGINT half a second later or more ends the process at once. */
void cancel_signals(void);
void cancel_now(void);	   /* async-signal-safe */
/* As cancel_now(), because something failed that all the rest needs: ERROR_CANCELLED of others then explains nothing, and the
 * caller reports that failure. */
void cancel_stop(void);
bool cancel_by_user(void); /* a signal or cancel_now(), not cancel_stop() */
void cancel_reset(void);   /* tests only */
bool cancel_requested(void);
int cancel_fd(void); /* readable once cancelled; -1 before cancel_init() */
/* ERROR_CANCELLED when cancelled, else 0. */
int cancel_check(struct error **err) MUST_USE;
/* Wait until fd has one of the poll(2) events, the deadline (clock_ms()) passes or the run is cancelled.
 * 1 ready, 0 deadline passed (no error set), -1 cancelled or failed.  fd -1 waits for the deadline alone. */
int cancel_poll(int fd, short events, int64_t deadline, struct error **err) MUST_USE;
/* All of it to a descriptor whose reader may be slow.  1: nobody reads there any more; -1: cancelled. */
int cancel_write(int fd, const void *p, size_t n, struct error **err) MUST_USE;
int cancel_sleep(int64_t ms, struct error **err) MUST_USE; /* 0 or -1 when cancelled */
