#include "core/base/alloc.h"
#include "provision/steps.h"

/* Their lines of the display: what is left to do begins them anew. */
static void end_lines(struct maker *m, const struct error *failure)
{
	for (int s = 0; s < SUBJECT_COUNT; s++) {
		if (!m->begun[s])
			continue;
		if (failure != NULL)
			event_fail(m->job->events, subject_name((enum subject)s), "cloud", error_message(failure));
		else
			event_end(m->job->events, subject_name((enum subject)s), "cloud");
	}
}

static int tell_addresses(struct maker *m, struct error **err)
{
	for (size_t i = 0; i < m->plan->n_nodes; i++) {
		const char *name = m->plan->nodes[i].node.name, *address = NULL;

		if (json_need_str(view_find(m->view, KIND_PORT, name)->json, "fixed_ips[0].ip_address", &address, err) < 0)
			return error_wrap(err, "port \"%s\"", name);
		inventory_address(m->job->inventory, name, address);
	}
	return 0;
}

/* Ports are found again by name and mark: one that was made and not written down is taken as it is, with its address. */
int provision_reserve(const struct provision_job *job, struct error **err)
{
	struct maker m = {0};
	struct error *failure = NULL;

	if (provision_check(job->plan, job->view, err) < 0)
		return -1;
	maker_init(&m, job);
	if (make_groups(&m, &failure) == 0 && make_ports(&m, &failure) == 0)
		(void)!tell_addresses(&m, &failure);
	end_lines(&m, failure);
	maker_finish(&m);
	return failure != NULL ? error_move(err, failure) : 0;
}
