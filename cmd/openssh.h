/* openssh: the cluster's servers as ssh(1) knows them: a block of ssh_config(5) and the known_hosts that goes with it.  Pure. */
#pragma once
#include "core/base/buf.h"
#include "core/cluster/inventory.h"
#include "core/cluster/spec.h"

/* Servers that were never reached are named in a comment only. */
void openssh_config(const struct spec *spec, struct inventory *inventory, const char *key_file, const char *known_hosts,
		    struct buf *ret);
/*
 * The words, quoted for a shell, that make ssh(1) go to that server at openssh_address() by the same way: for what builds a command line of
 * its own, as Ansible does.  config: the file that holds openssh_config().
 */
void openssh_arguments(const struct spec *spec, const char *entry, const struct node *n, const char *config, const char *known_hosts,
		       struct buf *ret);
/* The address that it is reached at; NULL where it was not reached yet.  entry: of way_entry(). */
const char *openssh_address(const struct spec *spec, const char *entry, const struct node *n);
/* The name of a file as ssh's options take it: % begins a token there. */
void openssh_escape(struct buf *b, const char *path);
/* Under the servers' names, which the block makes their HostKeyAlias: addresses may be given to others. */
void openssh_known_hosts(const struct spec *spec, struct inventory *inventory, struct buf *ret);
