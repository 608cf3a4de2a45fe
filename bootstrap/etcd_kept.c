#include "bootstrap/etcd.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/strv.h"
#include <time.h>

enum { LIST_MS = 60 * 1000 };

/* n digits at s; false where there are others. */
static bool number(const char *s, size_t n, int *ret)
{
	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*ret = *ret * 10 + s[i] - '0';
	}
	return true;
}

bool etcd_kept_is_name(const char *name, int64_t *ret_taken_ms)
{
	struct tm t = {0}, again;
	time_t seconds;
	char same[32];

	if (strlen(name) != strlen("20261126T030000Z.db") || !number(name, 4, &t.tm_year) || !number(name + 4, 2, &t.tm_mon) ||
	    !number(name + 6, 2, &t.tm_mday) || !number(name + 9, 2, &t.tm_hour) || !number(name + 11, 2, &t.tm_min) || !number(name + 13, 2, &t.tm_sec))
		return false;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	seconds = timegm(&t);
	/* what is no time of day, or has other signs between, would be called otherwise */
	if (gmtime_r(&seconds, &again) == NULL || strftime(same, sizeof(same), "%Y%m%dT%H%M%SZ.db", &again) == 0 || strcmp(same, name) != 0)
		return false;
	*ret_taken_ms = (int64_t)seconds * 1000;
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct etcd_kept *x = a, *y = b;

	return strcmp(y->name, x->name);
}

struct etcd_kept *etcd_read_kept(const char *lines, size_t *ret_n)
{
	CLEANUP_STRV struct strv l = STRV_INIT;
	struct etcd_kept *ret;
	size_t n = 0;

	strv_split(&l, lines, "\n");
	ret = xnew_n(struct etcd_kept, l.n + 1);
	for (size_t i = 0; i < l.n; i++) {
		const char *space = strchr(l.v[i], ' ');
		size_t len = space != NULL ? (size_t)(space - l.v[i]) : 0;

		if (len == 0 || len >= sizeof(ret[n].name) || space[1 + strspn(space + 1, "0123456789")] != '\0' || strlen(space + 1) > 18)
			continue;
		memcpy(ret[n].name, l.v[i], len);
		ret[n].name[len] = '\0';
		ret[n].size = strtoll(space + 1, NULL, 10);
		n += etcd_kept_is_name(ret[n].name, &ret[n].taken_ms);
	}
	qsort(ret, n, sizeof(*ret), newest_first);
	*ret_n = n;
	return ret;
}

int etcd_list_kept(struct ssh *s, struct etcd_kept **ret, size_t *ret_n, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, output = BUF_INIT;
	struct ssh_command c = {.out = &output, .deadline = clock_deadline(LIST_MS)};

	remote_command(&command, text_etcd_kept);
	c.command = buf_str(&command);
	if (remote_run(s, "listing snapshots", &c, err) < 0)
		return -1;
	*ret = etcd_read_kept(buf_str(&output), ret_n);
	return 0;
}
