/* What the cloud in memory lists, and what comes to pass meanwhile. */
#include "tests/unit/fake_private.h"
#include "core/base/alloc.h"
#include <string.h>

/* fake_answer() says so of a list. */
static bool forbidden(const char *path)
{
	struct cloud_call call = {.method = "GET", .path = path};
	CLEANUP_JSON struct json_object *text = NULL;
	int status = 0;

	return fake_answered(&call, &text, &status) && status == 403;
}

/* Each look at a list lets time pass: volumes and servers come up, deleted servers go. */
static void pass_time(enum kind kind)
{
	for (size_t i = json_len(fake.kinds[kind]); i-- > 0;) {
		struct json_object *o = json_object_array_get_idx(fake.kinds[kind], i);

		if (kind == KIND_VOLUME && is(o, "status", "creating"))
			json_add_str(o, "status", "available");
		if (kind == KIND_SERVER && is(o, "OS-EXT-STS:task_state", "deleting")) {
			fake_release(str(o, "id"));
			json_object_array_del_idx(fake.kinds[kind], i, 1);
		} else if (kind == KIND_SERVER && is(o, "OS-EXT-STS:task_state", "spawning")) {
			json_add_str(o, "OS-EXT-STS:task_state", "");
		} else if (kind == KIND_SERVER && is(o, "status", "BUILD")) {
			fake_begin(o);
		}
	}
}

static bool is_hidden(int kind)
{
	if (fake.hidden[kind] == 0)
		return false;
	fake.hidden[kind]--;
	return true;
}

/* As nova lists servers that no host took: only GET of one tells its fault. */
static struct json_object *without_faults(struct json_object *all)
{
	for (size_t i = 0; i < json_len(all); i++)
		json_object_object_del(json_object_array_get_idx(all, i), "fault");
	return all;
}

static struct json_object *list(const char *path)
{
	static const struct {
		const char *path, *text;
	} fixed[] = {
		{"/images", "[{\"id\":\"i1\",\"name\":\"debian-12\",\"status\":\"active\"},"
			    "{\"id\":\"i2\",\"name\":\"debian-13\",\"status\":\"active\"}]"},
		{"/os-availability-zone", "[{\"zoneName\":\"az1\"},{\"zoneName\":\"nova\"}]"},
		{"/flavors/detail", "[{\"id\":\"f1\",\"name\":\"m1.small\",\"vcpus\":1,\"ram\":1024,\"disk\":4}]"},
		{"/networks?router:external=true", "[{\"id\":\"e1\",\"name\":\"public\"}]"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (strncmp(path, fixed[i].path, strlen(fixed[i].path)) == 0)
			return json_tokener_parse(fixed[i].text);
	if (strncmp(path, "/loadbalancers", 14) == 0)
		return fake_copy(fake.kinds[FAKE_BALANCER]);
	if (strcmp(path, "/users/u/application_credentials") == 0)
		return fake_copy(fake.kinds[FAKE_CREDENTIAL]);
	if (strncmp(path, "/snapshots/detail", 17) == 0)
		return fake_copy(fake.kinds[FAKE_SNAPSHOT]);
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		const char *l = kind_info((enum kind)kind)->list;

		if (strncmp(path, l, strlen(l)) != 0 || (path[strlen(l)] != '\0' && path[strlen(l)] != '?'))
			continue;
		pass_time((enum kind)kind);
		return is_hidden(kind) ? json_object_new_array() : fake_filter(path, without_faults(fake_copy(fake.kinds[kind])));
	}
	return NULL;
}

int cloud_list(struct cloud *c UNUSED, enum cloud_service service UNUSED, const char *path, const char *key UNUSED,
	       const char *microversion UNUSED, struct json_object **ret, struct error **err)
{
	int r = 0;

	pthread_mutex_lock(&fake.lock);
	if (++fake.calls == fake.fault_at && fake.fault != FAULT_REPEATED)
		r = error_set(err, ERROR_NETWORK, "list %s: connection refused", path);
	else if (fake_lacks(path))
		r = error_set(err, ERROR_NOT_FOUND, "GET %s: the resource could not be found (HTTP 404)", path);
	else if (forbidden(path))
		r = error_set(err, ERROR_AUTH, "GET %s: you are not authorized (HTTP 403)", path);
	else
		*ret = list(path);
	pthread_mutex_unlock(&fake.lock);
	return r;
}
