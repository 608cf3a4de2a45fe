/* bastion_fixture: connections through a bastion to the peers of peer.h. */
#pragma once
#include "core/net/bastion.h"
#include "tests/integration/peer.h"
#include "tests/integration/ssh_fixture.h"

void bastion_free_ptr(struct bastion **b);
#define CLEANUP_BASTION CLEANUP(bastion_free_ptr)

struct bastion *bastion_to(const struct sshd *d);
int dial(struct bastion *b, uint16_t port); /* on the loopback of the jump host */
int send_all(int fd, const void *p, size_t n, struct error **err) MUST_USE;
int receive(int fd, void *p, size_t n, size_t *ret, struct error **err) MUST_USE; /* n bytes, or fewer at the end */
bool ends_within(int fd, int ms);						  /* the stream */
void assert_echo(int fd, const char *text);

/* For parallel_for(): a connection to a PEER_ECHO that must give back what it got. */
struct many {
	struct bastion *bastion;
	uint16_t port;
	size_t bytes;
};
int one_echo(size_t i, void *context, struct error **err);
