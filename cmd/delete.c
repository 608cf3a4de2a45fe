#include "cmd/claims.h"
#include "cmd/live.h"
#include "cmd/marks.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"

/* What is to go: the cluster of a file, of a state or of nothing but marks in the cloud. */
struct target {
	const struct options *o;
	struct spec *spec;   /* NULL: the file is gone */
	struct state *state; /* NULL: it is gone, or is that of another cluster than --uuid's */
	struct cloud *cloud;
	const char *name;
	char *uuid; /* NULL: there is nothing */
	char *cloud_name;
};

static void target_clear(struct target *t)
{
	cloud_close(t->cloud);
	state_close(t->state);
	spec_free(t->spec);
	free(t->uuid);
	free(t->cloud_name);
}

static int read_file(struct target *t, struct error **err)
{
	if (t->o->name != NULL) {
		t->name = t->o->name;
		return 0;
	}
	if (!path_exists(t->o->file))
		return error_set(err, ERROR_CONFIG, "%s: there is no such file; -f names another, \"davit delete --name NAME\" goes without one",
				 t->o->file);
	if (spec_load(t->o->file, &t->spec, err) < 0)
		return -1;
	t->name = t->spec->name;
	return 0;
}

static void read_copy(struct target *t)
{
	CLEANUP_FREE char *copy = state_path(t->state, "cluster.yaml");
	CLEANUP_ERROR struct error *why = NULL;

	if (t->spec == NULL && path_exists(copy) && spec_load(copy, &t->spec, &why) < 0)
		log_verbose("%s", error_message(why));
}

static int read_state(struct target *t, struct error **err)
{
	struct error *why = NULL;

	if (state_open(t->o->state_folder, t->name, STATE_EXISTING, &t->state, &why) < 0) {
		if (!error_is(why, ERROR_NOT_FOUND))
			return error_move(err, why);
		error_free(why);
		return 0;
	}
	if (t->o->uuid != NULL && strcmp(t->o->uuid, state_uuid(t->state)) != 0) {
		log_info("the state %s is of another cluster %s, %s: it stays", state_folder(t->state), t->name, state_uuid(t->state));
		state_close(steal_ptr(t->state));
		return 0;
	}
	t->uuid = xstrdup(state_uuid(t->state));
	read_copy(t);
	return 0;
}

static int open_cloud(struct target *t, struct error **err)
{
	CLEANUP_FREE char *kept = t->state != NULL ? state_get(t->state, "cloud") : NULL;
	const char *name = t->o->cloud;

	if (name == NULL && t->o->name == NULL && t->spec != NULL)
		name = t->spec->openstack.cloud;
	if (name == NULL && kept != NULL && *kept != '\0')
		name = kept;
	t->cloud_name = xstrdup(name);
	if (cloud_open(t->cloud_name, &t->cloud, err) < 0)
		return -1;
	return t->state != NULL ? context_check_project(t->state, t->cloud, err) : 0;
}

/* Without a state: by the marks of what bears the cluster's name. */
static int look_for_marks(struct target *t, struct error **err)
{
	if (t->uuid != NULL)
		return 0;
	if (marks_find(t->cloud, t->name, t->o->uuid, &t->uuid, err) < 0)
		return -1;
	if (t->uuid != NULL)
		log_info("there is no state of cluster %s here; what bears its mark davit:%s is found in the cloud", t->name, t->uuid);
	return 0;
}

static int confirm(const struct target *t, const struct changes *changes, struct error **err)
{
	CLEANUP_FREE char *question = NULL;
	size_t gone = 0, data = 0;

	for (size_t i = 0; i < changes->n; i++) {
		const struct change *c = &changes->items[i];

		gone += c->action == CHANGE_DELETE;
		data += c->action == CHANGE_DELETE && (strcmp(c->kind, "volume") == 0 || strcmp(c->kind, "snapshot") == 0);
	}
	if (!t->o->yes)
		verb_print_changes(changes, t->o->format);
	question = xasprintf("Delete cluster %s with these %zu things, the data of %zu volumes and snapshots, and its certificates", t->name,
			     gone, data);
	return output_confirm(t->o->yes, question, err);
}

static int remove_all(struct target *t, struct removal_job *job, const struct changes *changes, struct error **err)
{
	struct events *events = events_new();
	struct live *live = live_new(events, NULL, t->o);
	int64_t start = clock_ms();
	int r;

	job->events = events;
	r = provision_remove(job, err);
	live_free(live);
	events_free(events);
	if (r < 0 || (t->state != NULL && state_destroy(steal_ptr(t->state), err) < 0))
		return -1;
	if (t->o->yes && t->o->format == OUTPUT_JSON)
		verb_print_changes(changes, t->o->format);
	for (size_t i = 0; i < changes->n; i++)
		if (changes->items[i].action == CHANGE_NONE)
			log_warning("%s %s: %s", changes->items[i].kind, changes->items[i].name, changes->items[i].reason);
	log_info("cluster %s is gone, nothing is left in the cloud (%.1f s, %llu API calls)", t->name, (double)(clock_ms() - start) / 1000,
		 (unsigned long long)cloud_requests(t->cloud));
	return 0;
}

static int run(struct target *t, struct error **err)
{
	CLEANUP(changes_free) struct changes changes = {0};
	CLEANUP_CLAIMS struct claims claims = {0};
	struct removal_job job = {.cloud = t->cloud,
				  .cluster = t->name,
				  .uuid = t->uuid,
				  .state = t->state,
				  .volumes = &claims.volumes,
				  .services = &claims.services,
				  .keep_volumes = t->o->keep_volumes};

	if (t->state != NULL)
		claims_ask(t->spec, t->state, &claims);
	if (provision_removal(&job, &changes, err) < 0)
		return -1;
	if (t->o->dry_run) {
		verb_print_changes(&changes, t->o->format);
		return 0;
	}
	return confirm(t, &changes, err) < 0 ? -1 : remove_all(t, &job, &changes, err);
}

static int nothing(const struct target *t)
{
	CLEANUP_FREE char *where = cloud_describe(t->cloud);

	if (t->o->format == OUTPUT_JSON)
		output_json(json_object_new_array());
	log_info("there is no cluster %s: no state of it here, and nothing of that name bears davit's mark in %s", t->name, where);
	return 0;
}

int verb_delete(const struct options *o, struct error **err)
{
	CLEANUP(target_clear) struct target t = {.o = o};

	if (read_file(&t, err) < 0 || read_state(&t, err) < 0 || open_cloud(&t, err) < 0 || look_for_marks(&t, err) < 0)
		return -1;
	return t.uuid != NULL ? run(&t, err) : nothing(&t);
}
