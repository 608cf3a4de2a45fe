/*
 * way: how a connection gets to a server, by access.bastion.  Pure: who connects asks here, and so does what is written for others
 * (ssh-config).
 */
#pragma once
#include "core/cluster/inventory.h"
#include "core/cluster/spec.h"

enum way {
	WAY_FLOATING_IP, /* to its floating IP */
	WAY_ADDRESS,	 /* to its address in the network */
	WAY_JUMP	 /* to its address, through the way in: the server of way_entry(), or the file's jump host where that has none */
};

/* The server that all others are reached through; NULL where there is none (in this inventory, or by the file); the caller frees. */
char *way_entry(const struct spec *spec, struct inventory *inventory) MUST_USE;
/* entry: of way_entry(), or NULL */
enum way way_to(const struct spec *spec, const char *entry, const char *node);
/* Whether there is a way in at all: else every server is reached by itself. */
bool way_jumps(const struct spec *spec);
