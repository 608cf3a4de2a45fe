/*
 * relay: between a client and a server on the loopback, a way that goes wrong: at times a black hole for all connections; or a fault that one
 * of them meets after so many bytes, both ways together.
 */
#pragma once
#include "core/base/macros.h"
#include <stdint.h>

enum relay_ways { RELAY_UP = 1 /* to the server */, RELAY_DOWN = 2, RELAY_BOTH = 3 };
enum relay_kind {
	RELAY_RESET,   /* RST on both sides, as of a NAT that has forgotten the connection */
	RELAY_CLOSE,   /* FIN on both sides */
	RELAY_SILENCE, /* nothing comes through; for ever: neither side hears of the other's end either */
	RELAY_DELAY,   /* from there on each piece waits */
	RELAY_DRIP,    /* from there on byte by byte */
};

struct relay_fault {
	const char *name;
	enum relay_kind kind;
	enum relay_ways ways; /* of silence, delay and drip */
	int ms;		      /* of silence, 0: for ever; of delay */
};

struct relay;
struct relay *relay_start(uint16_t to_port, uint16_t *ret_port);
void relay_swallow(struct relay *r, bool on); /* also what is connected from now on; what was swallowed comes when it is off again */
/* The first connection that comes to its byte number `at` meets the fault; those after it do not.  NULL: none does. */
void relay_arm(struct relay *r, const struct relay_fault *fault, uint64_t at);
bool relay_struck(struct relay *r);	     /* whether one has met it */
void relay_end_silence(struct relay *r);     /* what was to be silent for ever is reset, on both sides */
uint64_t relay_passed(struct relay *r);	     /* by the connection that moved last */
uint64_t relay_most(struct relay *r);	     /* that any connection has passed */
unsigned relay_connections(struct relay *r); /* so far */
void relay_stop(struct relay *r);
