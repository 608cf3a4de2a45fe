#include "core/cluster/given.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include <ctype.h>

int given_blame(const struct spec *s, const char *key, struct error *why, struct error **err)
{
	CLEANUP_FREE char *place = spec_place(s, key);
	int r = error_set(err, ERROR_CONFIG, "%s: %s: %s", place, strrchr(key, '.') + 1, error_message(why));

	error_free(why);
	return r;
}

static int check(const struct given_password *of, const char *path, const char *text, struct error **err)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)text[i]))
			return error_set(err, ERROR_CONFIG, "the first line of %s has a control character in it", path);
	if (n < of->min || n > of->max)
		return error_set(err, ERROR_CONFIG, "the first line of %s has %zu characters; %s takes a password of %zu to %zu", path, n, of->program, of->min, of->max);
	return 0;
}

int given_read_password(const struct spec *s, const struct given_password *of, const char *path, char **ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	struct error *why = NULL;

	if (path_read(path, &text, &why) < 0)
		return given_blame(s, of->key, why, err);
	buf_truncate(&text, strcspn(buf_str(&text), "\r\n"));
	if (check(of, path, buf_str(&text), &why) < 0)
		return given_blame(s, of->key, why, err);
	*ret = xstrdup(buf_str(&text));
	return 0;
}
