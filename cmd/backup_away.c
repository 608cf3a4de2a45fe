#include "cmd/backup_away.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "core/cluster/backup.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int backup_away_open(const struct context *c, const char *url, struct objects **ret, struct error **err)
{
	return objects_open(url, context_cloud(c), ret, err);
}

int backup_away_folder(char **ret, struct error **err)
{
	const char *tmp = getenv("TMPDIR");
	CLEANUP_FREE char *folder = xasprintf("%s/davit-XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");

	if (mkdtemp(folder) == NULL)
		return error_errno(err, errno, "cannot make the folder %s", folder);
	*ret = steal_ptr(folder);
	return 0;
}

void backup_away_drop(char **folder)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (*folder != NULL && path_remove_tree(*folder, &why) < 0)
		log_warning("%s", error_message(why));
	free(steal_ptr(*folder));
}

static char *of_cluster(const struct context *c, const char *name)
{
	return xasprintf("%s/%s", state_uuid(c->state), name);
}

int backup_away_put(const struct context *c, struct objects *o, const char *path, char **ret_url, struct error **err)
{
	CLEANUP_FREE char *name = of_cluster(c, strrchr(path, '/') + 1);

	if (objects_put(o, name, path, err) < 0)
		return -1;
	*ret_url = objects_url(o, name);
	return 0;
}

static const char *base(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? slash + 1 : name;
}

/* What else is there is nobody's here. */
static int list(const struct context *c, struct objects *o, struct object_list *ret, struct error **err)
{
	CLEANUP_OBJECT_LIST struct object_list all = {0};
	CLEANUP_FREE char *begin = of_cluster(c, "");

	if (objects_list(o, begin, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		if (!backup_is_name(base(all.objects[i].name), c->spec->name))
			continue;
		array_grow(ret->objects, ret->n, ret->cap);
		ret->objects[ret->n++] = all.objects[i];
		all.objects[i].name = NULL;
	}
	return 0;
}

static struct backup_entry *files_of(const struct object_list *l)
{
	struct backup_entry *files = xnew_n(struct backup_entry, l->n + 1);

	for (size_t i = 0; i < l->n; i++)
		files[i] = (struct backup_entry){l->objects[i].name, backup_name_ms(base(l->objects[i].name))};
	return files;
}

int backup_away_retire(const struct context *c, struct objects *o, size_t keep, struct strv *ret_removed, struct error **err)
{
	CLEANUP_OBJECT_LIST struct object_list l = {0};
	CLEANUP_FREE struct backup_entry *files = NULL;
	CLEANUP_STRV struct strv gone = STRV_INIT;

	if (list(c, o, &l, err) < 0)
		return -1;
	files = files_of(&l);
	backup_retire(files, l.n, keep, &gone);
	for (size_t i = 0; i < gone.n; i++) {
		CLEANUP_FREE char *url = objects_url(o, gone.v[i]);

		if (objects_remove(o, gone.v[i], err) < 0)
			return error_wrap(err, "the backup is made; an older one stays");
		strv_add(ret_removed, url);
	}
	return 0;
}

static struct json_object *away_json(const struct objects *o, const struct object *object)
{
	struct json_object *j = json_object_new_object();
	CLEANUP_FREE char *url = objects_url(o, object->name), *taken = clock_rfc3339(backup_name_ms(base(object->name)));

	json_add_str(j, "name", url);
	json_add_str(j, "taken", taken);
	json_add_int(j, "size", object->size);
	return j;
}

/* Their names are in the order in which they were taken. */
int backup_away_list(const struct context *c, struct objects *o, struct json_object **ret, struct error **err)
{
	CLEANUP_OBJECT_LIST struct object_list l = {0};

	if (list(c, o, &l, err) < 0)
		return -1;
	*ret = json_object_new_array();
	for (size_t i = l.n; i > 0; i--)
		json_object_array_add(*ret, away_json(o, &l.objects[i - 1]));
	return 0;
}

static int fetch(const char *url, const char *cloud, const char *path, struct error **err)
{
	CLEANUP_OBJECTS struct objects *o = NULL;
	int fd, r;

	if (objects_open(url, cloud, &o, err) < 0)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, errno, "cannot write %s", path);
	r = objects_get(o, "", fd, err);
	close(fd);
	return r;
}

int backup_away_local(const char *name, const char *cloud, char **ret_folder, char **ret_path, struct error **err)
{
	CLEANUP(backup_away_drop) char *folder = NULL;
	CLEANUP_FREE char *path = NULL;

	*ret_folder = NULL;
	if (!objects_is_url(name)) {
		*ret_path = xstrdup(name);
		return 0;
	}
	if (backup_away_folder(&folder, err) < 0)
		return -1;
	path = xasprintf("%s/backup", folder);
	if (fetch(name, cloud, path, err) < 0)
		return -1;
	*ret_folder = steal_ptr(folder);
	*ret_path = steal_ptr(path);
	return 0;
}
