/*
 * fake_cloud: an OpenStack in memory behind provision/cloud.h, for tests: it knows the rules that decide the order of creation and
 * deletion (ports in use, interfaces under floating IPs, …), and any of its calls can be made to fail.  It also stands for
 * core/base/cancel.h, so that waiting takes no time.
 */
#pragma once
#include "provision/kind.h"

enum fake_fault {
	FAULT_NONE,
	FAULT_LOST,    /* an ambiguous failure; nothing was done */
	FAULT_APPLIED, /* an ambiguous failure; it was done */
	FAULT_REFUSED, /* an unambiguous refusal */
	FAULT_REPEATED /* it was done, its answer was lost, and the client asked again (classes A and B) */
};

/* What davit makes none of, but has to take away for Kubernetes: beyond the kinds of kind.h. */
enum { FAKE_BALANCER = KIND_BALANCER, FAKE_SNAPSHOT = KIND_COUNT, FAKE_CREDENTIAL, FAKE_KINDS };

void fake_reset(void);
struct cloud *fake_cloud(void);
/* The n-th call from now (from 1; 0: none) fails so; every call counts, lists too. */
void fake_fail(unsigned n, enum fake_fault fault);
unsigned fake_calls(void); /* since the reset */
/* The next `times` builds of that server end in ERROR. */
void fake_break_server(const char *name, unsigned times);
void fake_log_in_by_credential(const char *id); /* a restricted one, which makes and revokes none */
/* The router's interface is refused until there is a server, which is waited for. */
void fake_interface_after_server(void);
void fake_hide(int kind, unsigned lists); /* the next lists of that kind are empty: what is there turns up late */
void fake_without_bulk(void); /* POSTs of several resources get 400 */
void fake_without(const char *path); /* the list of that path (static) is answered with 404; at most 4 of them; NULL: all are there */
/* What the next reads of a console log answer, one after the other; the last one stays.  status 200: the text. */
struct fake_console {
	int status;
	const char *text;
};
void fake_console(const struct fake_console *answers, size_t n);
/* GET of exactly that path gives text (static), or is refused with 403 where it is NULL; at most 16 of them. */
void fake_answer(const char *path, const char *text);
size_t fake_count(int kind);
struct json_object *fake_nth(int kind, size_t i); /* borrowed */
/* The resource of that name (of a floating IP: its address); borrowed.  NULL where there is none. */
struct json_object *fake_find(int kind, const char *name);
void fake_put(int kind, const char *text);  /* a resource of somebody else */
void fake_drop(int kind, const char *name); /* behind everybody's back */
