#include "core/base/alloc.h"
#include "core/base/log.h"
#include "provision/flow.h"
#include "provision/pick.h"
#include "provision/steps.h"
#include <sys/eventfd.h>
#include <unistd.h>

/* Made twice by an unlucky repeat: the older one counts.  Servers only where they are broken: others may be in use. */
static int remove_duplicates(void *context, struct error **err UNUSED)
{
	struct maker *m = context;

	for (int kind = 0; kind < KIND_COUNT; kind++) {
		size_t n = 0;
		CLEANUP_FREE const struct item **all = view_all(m->view, (enum kind)kind, &n);

		for (size_t i = 0; i < n; i++) {
			CLEANUP_ERROR struct error *failure = NULL;
			bool used = kind == KIND_SERVER && strcmp(json_get_str(all[i]->json, "status", ""), "ERROR") != 0;

			if (!all[i]->duplicate || used)
				continue;
			if (kind_delete(m->cloud, (enum kind)kind, all[i]->id, all[i]->name, &failure) < 0)
				log_warning("%s (a second one; left alone)", error_message(failure));
		}
	}
	return 0;
}

enum step {
	STEP_DUPLICATES,
	STEP_NETWORK,
	STEP_GROUPS,
	STEP_KEYPAIR,
	STEP_SERVER_GROUPS,
	STEP_VOLUMES,
	STEP_SUBNET,
	STEP_PORTS,
	STEP_ROUTER,
	STEP_RULES,
	STEP_PORT_UPDATES,
	STEP_INTERFACE,
	STEP_BALANCER,
	STEP_BALANCER_READY,
	STEP_FLOATING_IPS,
	STEP_SERVERS,
	STEP_COUNT
};

#define AFTER(step) FLOW_NEEDS(STEP_##step)

/*
 * The order of creation: each step begins as soon as what it needs is there.  The longest chain is network → subnet → ports →
 * servers.  Router and rules need nothing of it, but wait for the ports all the same: they keep neutron busy for as long as the
 * whole chain takes, and nothing misses them before the first server has booted.
 */
static const struct flow_step steps[STEP_COUNT] = {
	[STEP_DUPLICATES] = {"duplicates", remove_duplicates, 0},
	[STEP_NETWORK] = {"network", make_network, 0},
	[STEP_GROUPS] = {"security groups", make_groups, 0},
	[STEP_KEYPAIR] = {"keypair", make_keypair, 0},
	[STEP_SERVER_GROUPS] = {"server groups", make_server_groups, 0},
	[STEP_VOLUMES] = {"volumes", make_volumes, 0},
	[STEP_SUBNET] = {"subnet", make_subnet, AFTER(NETWORK)},
	[STEP_PORTS] = {"ports", make_ports, AFTER(SUBNET) | AFTER(GROUPS)},
	[STEP_ROUTER] = {"router", make_router, AFTER(SUBNET)},
	[STEP_RULES] = {"rules", make_rules, AFTER(PORTS)},
	[STEP_PORT_UPDATES] = {"port updates", update_ports, AFTER(PORTS)},
	[STEP_INTERFACE] = {"router interface", make_interface, AFTER(ROUTER) | AFTER(PORTS)}, /* it is a port of ours */
	/* its address in a port of neutron's: after ours, so that none of theirs is taken */
	[STEP_BALANCER] = {"load balancer", make_balancer, AFTER(PORTS)},
	[STEP_BALANCER_READY] = {"load balancer's parts", finish_balancer, AFTER(BALANCER)},
	[STEP_FLOATING_IPS] = {"floating IPs", make_floating_ips, AFTER(INTERFACE) | AFTER(BALANCER)},
	/* the metadata service answers through the router: a server that boots before it may give up asking, and make host keys of
	 * its own instead of the seeded one */
	[STEP_SERVERS] = {"servers", make_servers,
			  AFTER(PORTS) | AFTER(INTERFACE) | AFTER(KEYPAIR) | AFTER(SERVER_GROUPS) | AFTER(VOLUMES)},
};

/* A server with a drive for its user-data asks nobody for it, and need not wait for the router. */
static void adapt(const struct plan *plan, struct flow_step *ret)
{
	memcpy(ret, steps, sizeof(steps));
	if (plan->spec->openstack.config_drive)
		ret[STEP_SERVERS].needs &= ~AFTER(INTERFACE);
}

/* A line of the display ends with the last of its steps. */
static const struct {
	enum subject subject;
	unsigned steps;
} subjects[] = {
	{SUBJECT_NETWORK, AFTER(NETWORK) | AFTER(ROUTER) | AFTER(SUBNET) | AFTER(PORTS) | AFTER(PORT_UPDATES) | AFTER(INTERFACE) |
				  AFTER(FLOATING_IPS) | AFTER(BALANCER) | AFTER(BALANCER_READY)},
	{SUBJECT_SECURITY, AFTER(GROUPS) | AFTER(RULES) | AFTER(KEYPAIR) | AFTER(SERVER_GROUPS)},
	{SUBJECT_VOLUMES, AFTER(VOLUMES)},
};

struct creation {
	struct maker maker; /* first: the steps' context */
	unsigned ended;
};

static void step_ended(void *context, size_t step, const struct error *failure)
{
	struct creation *c = context;
	struct maker *m = &c->maker;
	bool begun[SUBJECT_COUNT];
	unsigned before, after;

	pthread_mutex_lock(&m->lock);
	before = c->ended;
	after = c->ended |= failure == NULL ? FLOW_NEEDS(step) : 0;
	memcpy(begun, m->begun, sizeof(begun));
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		const char *name = subject_name(subjects[i].subject);

		if ((subjects[i].steps & FLOW_NEEDS(step)) == 0 || !begun[subjects[i].subject])
			continue;
		if (failure != NULL)
			event_fail(m->job->events, name, "cloud", error_message(failure));
		else if ((before & subjects[i].steps) != subjects[i].steps && (after & subjects[i].steps) == subjects[i].steps)
			event_end(m->job->events, name, "cloud");
	}
}

static void stop(void *context)
{
	make_stop(context);
}

/* What the cloud has and the state does not know (a restored or lost folder) is written down. */
static int note_existing(struct maker *m, struct error **err)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		const char *name = kind_info((enum kind)kind)->name;
		size_t n = 0;
		CLEANUP_FREE const struct item **all = view_all(m->view, (enum kind)kind, &n);

		for (size_t i = 0; i < n; i++) {
			CLEANUP_FREE char *known = state_id(m->job->state, name, all[i]->name);

			if (all[i]->duplicate || (known != NULL && strcmp(known, all[i]->id) == 0))
				continue;
			if (state_made(m->job->state, name, all[i]->name, all[i]->id, err) < 0)
				return -1;
		}
	}
	return 0;
}

int provision_create(const struct provision_job *job, struct error **err)
{
	static const struct flow_hooks hooks = {.ended = step_ended, .stop = stop};
	struct creation c = {0};
	struct flow_step adapted[STEP_COUNT];
	int r;

	if (provision_check(job->plan, job->view, err) < 0)
		return -1;
	adapt(job->plan, adapted);
	maker_init(&c.maker, job);
	r = note_existing(&c.maker, err) < 0 ? -1 : flow_run(adapted, STEP_COUNT, &hooks, &c, err);
	maker_finish(&c.maker);
	return r;
}
