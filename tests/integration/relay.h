/* relay: between a client and a server on the loopback, and at times a black hole: connections stay, and nothing comes through. */
#pragma once
#include "core/base/macros.h"

struct relay;
struct relay *relay_start(uint16_t to_port, uint16_t *ret_port);
void relay_swallow(struct relay *r, bool on); /* also what is connected from now on; what was swallowed comes when it is off again */
unsigned relay_connections(struct relay *r);  /* so far */
void relay_stop(struct relay *r);
