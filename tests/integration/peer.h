/* peer: a TCP server on the loopback with one habit; a thread for each connection. */
#pragma once
#include "core/base/error.h"

enum peer_habit {
	PEER_ECHO,  /* sends back what it gets, ends when the other side does */
	PEER_SUM,   /* reads to the end, then answers its SHA-256 in hex */
	PEER_GIVE,  /* sends PEER_GIVEN bytes of peer_byte(), then ends */
	PEER_FLOOD, /* sends without an end */
	PEER_SINK,  /* reads to the end, then ends */
};
enum { PEER_GIVEN = 300 * 1024 * 1024 };

struct peer;
struct peer *peer_start(enum peer_habit habit, uint16_t *ret_port);
unsigned peer_connections(struct peer *p);		 /* that are open now */
void peer_stop(struct peer *p);				 /* ends all of them */
void peer_fill(unsigned char *p, size_t n, uint64_t at); /* the bytes PEER_GIVE sends from position at */

/* A port that takes connections (into its backlog) only from peer_open_port() on; until then a SYN gets no answer at all. */
struct silent_port;
struct silent_port *silent_port_new(uint16_t *ret_port);
void silent_port_open(struct silent_port *p);
void silent_port_free(struct silent_port *p);
