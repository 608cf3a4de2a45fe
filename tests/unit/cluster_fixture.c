#include "tests/unit/cluster_fixture.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "tests/unit/fake_cloud.h"
#include "tests/unit/test.h"
#include <unistd.h>

static int user_data(void *context UNUSED, const struct plan_node *node, char **ret, struct error **err UNUSED)
{
	*ret = xasprintf("#cloud-config\nhostname: %s\n", node->node.name);
	return 0;
}

void cluster_begin(struct cluster *c)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	*c = (struct cluster){.folder = xasprintf("%s/davit-test-%d", base, (int)getpid()), .inventory = inventory_new()};
	assert_success(path_remove_tree(c->folder, &test_error));
	fake_reset();
	assert_success(state_open(c->folder, "demo", STATE_WRITE, &c->state, &test_error));
}

void cluster_use(struct cluster *c, const char *text)
{
	CLEANUP_FREE char *api = state_get(c->state, STATE_API);

	inventory_set_api(c->inventory, api);
	plan_free(c->plan);
	spec_free(c->spec);
	assert_success(spec_parse("c.yaml", text, strlen(text), &c->spec, &test_error));
	assert_success(plan_make(c->spec, c->inventory, &c->plan, &test_error));
	for (size_t i = 0; i < c->plan->n_nodes; i++)
		inventory_put(c->inventory, &c->plan->nodes[i].node);
}

int cluster_apply(struct cluster *c, struct error **err)
{
	CLEANUP_VIEW struct view *view = NULL;
	struct provision_job job = {.cloud = fake_cloud(),
				    .plan = c->plan,
				    .state = c->state,
				    .inventory = c->inventory,
				    .public_key = "ssh-ed25519 AAAA demo",
				    .user_data = user_data};
	bool news = false;

	if (provision_look(fake_cloud(), c->plan, state_uuid(c->state), &view, err) < 0)
		return -1;
	job.view = view;
	if (!c->plan->own_network) {
		if (provision_reserve(&job, err) < 0)
			return -1;
		plan_free(c->plan);
		assert_success(plan_make(c->spec, c->inventory, &c->plan, &test_error));
		job.plan = c->plan;
	}
	if (provision_reserve_api(&job, &news, err) < 0)
		return -1;
	if (news) {
		plan_free(c->plan);
		assert_success(plan_make(c->spec, c->inventory, &c->plan, &test_error));
		job.plan = c->plan;
	}
	return provision_create(&job, err);
}

char *cluster_differences(struct cluster *c)
{
	CLEANUP_VIEW struct view *view = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT;
	struct changes changes = {0};

	assert_success(provision_look(fake_cloud(), c->plan, state_uuid(c->state), &view, &test_error));
	assert_success(provision_compare(c->plan, view, &changes, &test_error));
	for (size_t i = 0; i < changes.n; i++)
		buf_addf(&b, "%s %s: %s\n", changes.items[i].kind, changes.items[i].name,
			 changes.items[i].reason != NULL ? changes.items[i].reason : "create");
	changes_free(&changes);
	return buf_steal(&b);
}

void cluster_end(struct cluster *c)
{
	inventory_free(c->inventory);
	state_close(c->state);
	plan_free(c->plan);
	spec_free(c->spec);
	assert_success(path_remove_tree(c->folder, &test_error));
	free(c->folder);
}

int cluster_setup(void **state, const char *text)
{
	struct cluster *c = xnew(struct cluster);

	cluster_begin(c);
	cluster_use(c, text);
	*state = c;
	return 0;
}

int cluster_teardown(void **state)
{
	cluster_end(*state);
	free(*state);
	return 0;
}
