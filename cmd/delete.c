#include "cmd/live.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include <unistd.h>

static int remove_all(const struct options *o, struct context *c, struct cloud *cloud, struct error **err)
{
	struct events *events = events_new();
	struct live *live = live_new(events, NULL, isatty(STDERR_FILENO) && !o->json_log, o->verbosity < 0);
	int64_t start = clock_ms();
	int r = provision_remove(cloud, c->spec->name, state_uuid(c->state), c->state, events, err);

	live_free(live);
	events_free(events);
	if (r < 0)
		return -1;
	if (state_destroy(steal_ptr(c->state), err) < 0)
		return -1;
	log_info("cluster %s is gone, nothing is left in the cloud (%.1f s, %llu API calls)", c->spec->name,
		 (double)(clock_ms() - start) / 1000, (unsigned long long)cloud_requests(cloud));
	return 0;
}

int verb_delete(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_CLOUD struct cloud *cloud = NULL;
	CLEANUP(changes_free) struct changes changes = {0};
	CLEANUP_FREE char *question = NULL;

	if (context_open(o, CONTEXT_WRITE, &c, err) < 0 || cloud_open(context_cloud(&c), &cloud, err) < 0)
		return -1;
	if (o->dry_run) {
		if (provision_marked(cloud, state_uuid(c.state), &changes, err) < 0)
			return -1;
		verb_print_changes(&changes, o->format);
		return 0;
	}
	question = xasprintf("Delete cluster %s with its %zu servers, volumes and certificates", c.spec->name, inventory_len(c.inventory));
	if (output_confirm(o->yes, question, err) < 0)
		return -1;
	return remove_all(o, &c, cloud, err);
}
