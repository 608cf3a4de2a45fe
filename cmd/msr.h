/*
 * msr: Mirantis Secure Registry on the nodes of its pool, where the file has mke.msr: who has a replica of it, and who is to get one.
 *
 * It serves one certificate, that of one of its nodes; which one that is, and what it was given, is in the state.
 */
#pragma once
#include "cmd/context.h"
#include "core/cluster/msr.h"
#include "provision/provision.h"

struct ssh;
struct work;

/* ERROR_CONFIG: the file with the password of MKE's administrator, without whom nothing of MSR can be changed. */
int msr_check_given(const struct context *c, struct error **err) MUST_USE;
/* What msr_settle() would do.  w: to ask a manager how replicas are, if one can be asked, and for certificates; NULL: only who is to get one. */
int msr_find(const struct context *c, const struct work *w, struct changes *ret, struct error **err) MUST_USE;
/* What people agree to before apply does that: an upgrade of MSR; NULL: nothing.  The caller frees. */
char *msr_question(const struct context *c) MUST_USE;
/* In a session with a manager: the nodes whose replica is there and does not say that it is well. */
int msr_ailing(const struct context *c, struct ssh *s, struct strv *ret, struct error **err) MUST_USE;
/* The same as what msr_settle() would do; where no manager can be asked, nothing. */
int msr_find_ailing(const struct work *w, struct changes *ret, struct error **err) MUST_USE;
/* Until all replicas are well. */
int msr_await(struct work *w, struct error **err) MUST_USE;
/* When MKE is well and the nodes are Ready: a replica on each, one after the other; their certificate; the wait until all are well. */
int msr_settle(struct work *w, struct error **err) MUST_USE;
/* The certificate alone: nodes have got new ones, or the one that had it has left. */
int msr_certify(struct work *w, struct error **err) MUST_USE;
/* Until the replica of the node is well again, which has restarted, and all others are; nothing where it has none. */
int msr_wait(struct work *w, const struct node *n, struct error **err) MUST_USE;
/* "https://msr.example.org", or NULL: there is none.  The caller frees. */
char *msr_url(const struct context *c) MUST_USE;
