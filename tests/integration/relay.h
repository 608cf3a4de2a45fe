/*
 * relay: between a client and a server on the loopback, and at times a black hole: connections stay, and nothing comes through; or one
 * that ends each connection (RST, as a NAT that has forgotten it) after so many bytes, both ways together.
 */
#pragma once
#include "core/base/macros.h"
#include <stdint.h>

struct relay;
struct relay *relay_start(uint16_t to_port, uint16_t *ret_port);
void relay_swallow(struct relay *r, bool on); /* also what is connected from now on; what was swallowed comes when it is off again */
void relay_cut(struct relay *r, uint64_t limit); /* of what is connected from now on; 0: no more */
uint64_t relay_passed(struct relay *r);		 /* by the last connection */
unsigned relay_connections(struct relay *r);  /* so far */
void relay_stop(struct relay *r);
