#include "bootstrap/msr.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

enum { LOOK_MS = 60 * 1000 };

/* ---- its installer */

static int run(struct ssh *s, const struct msr_job *job, const char *const head[3], const struct strv *options, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *image = xasprintf("%s:%s", msr_image(job->version), job->version);
	CLEANUP_FREE char *what = xasprintf("MSR's %s", head[0]);
	CLEANUP_SECRET char *in = xasprintf("%s\n", job->password);
	CLEANUP_BUF struct buf command = BUF_INIT;
	const char *const words[] = {image, job->mke, job->spec->mke.user, job->spec->mke.msr.host, head[0], head[1], head[2]};
	/* it ends by itself, and says why */
	struct ssh_command c = {.in = in, .in_len = strlen(in), .deadline = deadline + LOOK_MS};

	remote_installer(&command, text_msr_run);
	buf_addf(&command, " %lld", (long long)(deadline - clock_ms()) / 1000);
	remote_arguments(&command, words, ARRAY_SIZE(words));
	for (size_t i = 0; i < options->n; i++)
		remote_arguments(&command, (const char *[]){options->v[i]}, 1);
	c.command = buf_str(&command);
	return remote_run(s, what, &c, err);
}

/* The other replicas get it of the first one: https://docs.mirantis.com/msr/2.9/cli-ref/install/ */
static void add_storage(const struct spec *spec, struct strv *options)
{
	if (spec->mke.msr.nfs != NULL) {
		strv_add(options, "--nfs-storage-url");
		strv_add(options, spec->mke.msr.nfs);
	} else if (spec->mke.msr.volume != NULL) {
		strv_add(options, "--dtr-storage-volume");
		strv_add(options, spec->mke.msr.volume);
	}
}

int msr_install(struct ssh *s, const struct msr_job *job, const char *existing, int64_t deadline, struct error **err)
{
	const char *const head[] = {existing != NULL ? "join" : "install", job->id, existing != NULL ? existing : ""};
	CLEANUP_STRV struct strv options = STRV_INIT;

	strv_add(&options, "--ucp-node");
	strv_add(&options, job->node);
	if (existing == NULL)
		add_storage(job->spec, &options);
	return run(s, job, head, &options, deadline, err);
}

int msr_reconfigure(struct ssh *s, const struct msr_job *job, int64_t deadline, struct error **err)
{
	const char *const head[] = {"reconfigure", job->id, ""};

	return run(s, job, head, &STRV_INIT, deadline, err);
}

int msr_upgrade(struct ssh *s, const struct msr_job *job, int64_t deadline, struct error **err)
{
	const char *const head[] = {"upgrade", job->id, ""};

	return run(s, job, head, &STRV_INIT, deadline, err);
}

/* ---- what replicas say */

static int ask(struct ssh *s, const struct msr_job *job, int64_t deadline, struct json_object **ret, struct error **err)
{
	CLEANUP_SECRET char *in = xasprintf("%s\n", job->password);
	CLEANUP_BUF struct buf command = BUF_INIT, out = BUF_INIT;
	struct ssh_command c = {.in = in, .in_len = strlen(in), .out = &out, .deadline = deadline};

	remote_command(&command, text_msr_status);
	remote_arguments(&command, (const char *[]){job->spec->mke.msr.host, job->spec->mke.user}, 2);
	c.command = buf_str(&command);
	if (remote_run(s, "MSR's cluster_status", &c, err) < 0)
		return -1;
	return json_parse(out.data, out.len, "MSR's cluster_status", ret, err);
}

int msr_may_go(struct json_object *status, const char *id, bool *ret_known, bool *ret_force, struct error **err)
{
	struct json_object *health = NULL;
	size_t n = 0, others = 0, well = 0;
	CLEANUP_STRV struct strv ill = STRV_INIT;
	CLEANUP_FREE char *list = NULL;
	bool is_well = false;

	*ret_known = *ret_force = false;
	if (json_need_object(status, "replica_health", &health, err) < 0)
		return -1;
	json_object_object_foreach(health, key, value) {
		bool ok = json_object_is_type(value, json_type_string) && strcmp(json_object_get_string(value), "OK") == 0;

		n++;
		if (strcmp(key, id) == 0) {
			*ret_known = true;
			is_well = ok;
			continue;
		}
		others++;
		well += ok;
		if (!ok)
			strv_add(&ill, key);
	}
	if (!*ret_known || (others > 0 && well == others))
		return 0;
	if (others == 0)
		return error_set(err, ERROR_NODE, "%s is MSR's only replica: its images and who may do what with them would go with it", id);
	*ret_force = !is_well && well * 2 > n;
	list = strv_join(&ill, ", ");
	return *ret_force ? 0
			  : error_set(err, ERROR_NODE, "MSR's replica %s cannot go as long as others are not well (%s): they would have no majority; \"davit status\" tells which nodes have them",
				      id, list);
}

/* Whether it is gone is what the rest says, not the installer's status. */
int msr_remove(struct ssh *s, const struct msr_job *job, const char *gone, int64_t deadline, struct error **err)
{
	const char *const head[] = {"remove", gone, job->id};
	CLEANUP_JSON struct json_object *before = NULL, *after = NULL;
	CLEANUP_STRV struct strv options = STRV_INIT;
	bool known = false, force = false;

	if (ask(s, job, deadline, &before, err) < 0 || msr_may_go(before, gone, &known, &force, err) < 0)
		return -1;
	if (!known)
		return 0;
	if (force)
		strv_add(&options, "--force");
	if (run(s, job, head, &options, deadline, err) < 0 || ask(s, job, deadline, &after, err) < 0)
		return -1;
	if (json_at(json_at(after, "replica_health"), gone) != NULL)
		return error_set(err, ERROR_NODE, "MSR's installer has removed replica %s, and the rest still knows it", gone);
	return 0;
}

void msr_found_clear(struct msr_found *f)
{
	free(f->id);
	free(f->version);
	*f = (struct msr_found){0};
}

int msr_look(struct ssh *s, struct msr_found *ret, int64_t deadline, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, out = BUF_INIT;
	CLEANUP_STRV struct strv words = STRV_INIT;
	struct ssh_command c = {.out = &out, .deadline = deadline};

	remote_command(&command, text_msr_look);
	c.command = buf_str(&command);
	if (remote_run(s, "the look for MSR's containers", &c, err) < 0)
		return -1;
	strv_split(&words, buf_str(&out), " \r\n");
	*ret = (struct msr_found){.whole = words.n >= 2 && strcmp(words.v[1], "whole") == 0};
	if (words.n >= 2)
		ret->id = xstrdup(words.v[0]);
	if (words.n == 3)
		ret->version = xstrdup(words.v[2]);
	return 0;
}

int msr_ping(struct ssh *s, const struct spec *spec, const struct strv *addresses, int64_t deadline, struct buf *ret, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.out = ret, .deadline = deadline};

	remote_command(&command, text_msr_ping);
	remote_arguments(&command, (const char *[]){spec->mke.msr.host}, 1);
	remote_arguments(&command, (const char *const *)addresses->v, addresses->n);
	c.command = buf_str(&command);
	return remote_run(s, "/_ping of MSR's replicas", &c, err);
}
