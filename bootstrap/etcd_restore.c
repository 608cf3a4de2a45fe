#include "bootstrap/etcd.h"
#include "bootstrap/paths.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include <stdio.h>

enum { LOOK_MS = 60 * 1000, UNITS_MS = 5 * 60 * 1000, DATA_MS = 30 * 60 * 1000 /* of at most 8 GiB, etcd's quota */ };

#define PEER_PORT 2380
#define FAR ((int64_t)1000 * 1000 * 1000) /* revisions: more than etcd writes between two restorations */

void etcd_place_clear(struct etcd_place *p)
{
	free(p->version);
	free(p->before);
	*p = (struct etcd_place){0};
}

bool etcd_place_had_data(const struct etcd_place *p)
{
	return p->has_before || (p->has_data && !p->done);
}

static int run_text(struct ssh *s, const char *what, const char *text, const char *const *words, struct ssh_command *c, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;

	remote_command(&command, text);
	for (; *words != NULL; words++) {
		buf_add_char(&command, ' ');
		buf_add_shell(&command, *words);
	}
	c->command = buf_str(&command);
	return remote_run(s, what, c, err);
}

/* ---- before */

int64_t etcd_bump(int64_t revision, int64_t raised, bool taken_up)
{
	int64_t from = raised > revision ? raised : revision;

	return taken_up && raised > revision ? raised - revision : from - revision + FAR;
}

int etcd_read_place(const char *text, struct etcd_place *ret, struct error **err)
{
	CLEANUP_STRV struct strv words = STRV_INIT;

	strv_split(&words, text, " \n");
	if (words.n != 8)
		return error_set(err, ERROR_NODE, "where etcd's data is cannot be understood: %.200s", text);
	*ret = (struct etcd_place){.version = xstrdup(words.v[0]),
				   .done = strcmp(words.v[1], "done") == 0,
				   .has_data = strcmp(words.v[2], "data") == 0,
				   .free = strtoll(words.v[3], NULL, 10),
				   .run_free = strtoll(words.v[4], NULL, 10),
				   .has_one_disk = strcmp(words.v[5], "one") == 0,
				   .has_before = strcmp(words.v[6], "kept") == 0,
				   .before = xstrdup(words.v[7])};
	return 0;
}

int etcd_look(struct ssh *s, const struct etcd_restoration *r, struct etcd_place *ret, struct error **err)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct ssh_command c = {.out = &out, .deadline = clock_deadline(LOOK_MS)};

	if (run_text(s, "looking at etcd's data", text_etcd_look, (const char *[]){r->id, r->stamp, NULL}, &c, err) < 0)
		return -1;
	return etcd_read_place(buf_str(&out), ret, err);
}

int etcd_push(struct ssh *s, const struct etcd_restoration *r, ssh_read *read, void *context, struct error **err)
{
	struct ssh_command c = {.read = read, .read_context = context, .deadline = clock_deadline(DATA_MS)};

	return run_text(s, "pushing the snapshot", text_etcd_push, (const char *[]){r->sha256, NULL}, &c, err);
}

/* ---- there and back */

int etcd_stop_api(struct ssh *s, struct error **err)
{
	struct ssh_command c = {.deadline = clock_deadline(UNITS_MS)};

	return run_text(s, "stopping the API server",
			"exec systemctl stop kube-controller-manager.service kube-scheduler.service kube-apiserver.service", (const char *[]){NULL}, &c, err);
}

int etcd_stop(struct ssh *s, struct error **err)
{
	struct ssh_command c = {.deadline = clock_deadline(UNITS_MS)};

	return run_text(s, "stopping etcd", "exec systemctl stop etcd.service", (const char *[]){NULL}, &c, err);
}

/* "demo-cp-1=https://10.6.0.10:2380,…" */
static char *members(const struct plan *plan)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].node.role == NODE_CONTROL_PLANE)
			buf_addf(&b, "%s%s=https://%s:%d", b.len > 0 ? "," : "", plan->nodes[i].node.name, plan->nodes[i].node.address, PEER_PORT);
	return buf_steal(&b);
}

int etcd_swap(struct ssh *s, const struct etcd_restoration *r, const struct plan *plan, const struct plan_node *node, struct error **err)
{
	CLEANUP_FREE char *url = xasprintf("https://%s:%d", node->node.address, PEER_PORT), *all = members(plan);
	CLEANUP_FREE char *bump = xasprintf("%lld", (long long)r->bump);
	const char *words[] = {r->id, r->stamp, node->node.name, url, all, bump, NULL};
	struct ssh_command c = {.deadline = clock_deadline(DATA_MS)};

	return run_text(s, "putting the snapshot's data in place", text_etcd_swap, words, &c, err);
}

int etcd_back(struct ssh *s, const struct etcd_restoration *r, struct error **err)
{
	struct ssh_command c = {.deadline = clock_deadline(DATA_MS)};

	return run_text(s, "putting the data of before back", text_etcd_back, (const char *[]){r->id, r->stamp, NULL}, &c, err);
}

int etcd_begin(struct ssh *s, int64_t deadline, struct error **err)
{
	int64_t left = (deadline - clock_ms()) / 1000;
	CLEANUP_FREE char *seconds = xasprintf("%lld", (long long)(left > 1 ? left : 1));
	struct ssh_command c = {.deadline = clock_deadline((left > 1 ? left : 1) * 1000 + LOOK_MS)};

	return run_text(s, "starting etcd", text_etcd_start, (const char *[]){seconds, NULL}, &c, err);
}

int etcd_begin_api(struct ssh *s, struct error **err)
{
	static const char script[] = "rm -f " RUN_FOLDER "restore.*\n"
				     "exec systemctl start --no-block kube-apiserver.service kube-controller-manager.service kube-scheduler.service";
	struct ssh_command c = {.deadline = clock_deadline(UNITS_MS)};

	return run_text(s, "starting the API server", script, (const char *[]){NULL}, &c, err);
}
