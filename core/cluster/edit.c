#include "core/cluster/edit.h"
#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/base/strv.h"
#include "core/base/yaml.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct yaml_node *find_pool(const struct yaml_node *pools, const char *name, size_t *ret_index, struct strv *ret_names)
{
	for (size_t i = 0; pools != NULL && pools->type == YAML_LIST && i < pools->n; i++) {
		const struct yaml_node *its = yaml_get(pools->values[i], "name");

		if (its == NULL || its->type != YAML_SCALAR)
			continue;
		if (strcmp(its->scalar, name) == 0) {
			*ret_index = i;
			return pools->values[i];
		}
		strv_add(ret_names, its->scalar);
	}
	return NULL;
}

static bool is_number(const struct yaml_node *n, const char *text)
{
	size_t len = strspn(text + n->start, "0123456789");

	return n->type == YAML_SCALAR && len > 0 && len == n->end - n->start;
}

/* The number itself, where it stands behind its key; not what an alias or a merge key has brought from elsewhere. */
static const struct yaml_node *own_number(const struct yaml_node *pool, const char *text)
{
	for (size_t i = 0; i < pool->n; i++) {
		const struct yaml_node *key = pool->key_nodes[i], *value = pool->values[i];

		if (strcmp(pool->keys[i], "count") != 0)
			continue;
		if (key->start < pool->start || value->start < key->end || !is_number(value, text))
			return NULL;
		return value;
	}
	return NULL;
}

/* Whether that pool's count is the only value that has changed: an alias elsewhere may stand for it, too. */
static bool is_all(const struct yaml *before, size_t pool, int count, const struct buf *edited)
{
	CLEANUP_JSON struct json_object *was = yaml_to_json(before->root), *is = NULL;
	CLEANUP_YAML struct yaml *after = NULL;

	if (yaml_parse(before->name, buf_str(edited), edited->len, &after, NULL) < 0)
		return false;
	is = yaml_to_json(after->root);
	json_add_int(json_object_array_get_idx(json_at(was, "spec.workerPools"), pool), "count", count);
	return json_object_equal(was, is);
}

int edit_count(const char *path, const char *text, size_t len, const char *pool, int count, struct buf *ret, struct error **err)
{
	CLEANUP_YAML struct yaml *y = NULL;
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL;
	const struct yaml_node *at, *number;
	size_t index = 0;

	if (yaml_parse(path, text, len, &y, err) < 0)
		return -1;
	at = find_pool(yaml_get(yaml_get(y->root, "spec"), "workerPools"), pool, &index, &names);
	if (at == NULL) {
		all = strv_join(&names, ", ");
		return error_set(err, ERROR_CONFIG, "%s has no pool \"%s\"; it has: %s", path, pool, names.n > 0 ? all : "none");
	}
	number = own_number(at, text);
	if (number == NULL)
		return yaml_error(y, at, err, "the count of pool \"%s\" does not stand here as a number of its own; write it as \"count: %d\"",
				  pool, count);
	buf_add_mem(ret, text, number->start);
	buf_addf(ret, "%d", count);
	buf_add_mem(ret, text + number->end, len - number->end);
	if (is_all(y, index, count, ret))
		return 0;
	buf_truncate(ret, 0);
	return yaml_error(y, number, err, "the count of pool \"%s\" stands for something else as well; write both out", pool);
}

/* Beside the file another one is made, which takes its place: somebody who keeps the file from being written means that as well. */
static int replace(const char *path, const struct buf *text, struct error **err)
{
	struct stat st = {.st_mode = 0644};

	if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0 || stat(path, &st) < 0)
		return error_errno(err, errno, "cannot write %s", path);
	if (path_write(path, text->data, text->len, st.st_mode & 0777, err) < 0)
		return -1;
	(void)!chown(path, st.st_uid, st.st_gid); /* root leaves it to whose it was */
	return 0;
}

int edit_save(const char *path, const struct buf *before, const struct buf *after, struct error **err)
{
	CLEANUP_BUF struct buf now = BUF_INIT;
	CLEANUP_FREE char *real = realpath(path, NULL);

	if (path_read(path, &now, err) < 0)
		return error_wrap(err, "nothing was done");
	if (now.len != before->len || memcmp(buf_str(&now), before->data, now.len) != 0)
		return error_set(err, ERROR_CONFIG, "%s has been changed meanwhile; nothing was done: run it again", path);
	return replace(real != NULL ? real : path, after, err) < 0 ? error_wrap(err, "nothing was done") : 0;
}
