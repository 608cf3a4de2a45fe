#include "bootstrap/artifacts.h"
#include "bootstrap/paths.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/cluster/msr.h"
#include <inttypes.h>

#define DIGEST_PREFIX "sha256:"
#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"

static const char *const format_names[] = {
	[ARTIFACT_FILE] = "file",
	[ARTIFACT_GZ] = "gz",
	[ARTIFACT_TAR_GZ] = "tar.gz",
	[ARTIFACT_DEB] = "deb",
	[ARTIFACT_IMAGES] = "images",
};

char *bootstrap_artifact_path(const struct artifact *a)
{
	return xasprintf("%s%s", ARTIFACTS_FOLDER, a->digest);
}

/* Whether the node is of the pool that has it. */
static bool has_msr(const struct bootstrap_run *run)
{
	return run->files != NULL && fileset_find(run->files, MSR_CERTIFICATE ".crt") != NULL;
}

const struct artifact *artifacts_next(const struct bootstrap_run *run, size_t *at)
{
	while (run->artifacts != NULL && *at < run->artifacts->n) {
		const struct artifact *a = &run->artifacts->items[(*at)++];

		if ((a->roles & ARTIFACT_ROLES(run->role)) && (strcmp(a->name, MSR_IMAGES) != 0 || has_msr(run)))
			return a;
	}
	return NULL;
}

/* They become words and file names of a script that root runs. */
static bool is_word(const char *s)
{
	return s != NULL && s[0] != '\0' && s[0] != '.' && s[0] != '-' && strspn(s, WORD) == strlen(s);
}

static bool is_digest(const char *s)
{
	const char *hex = s + strlen(DIGEST_PREFIX);

	return strncmp(s, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) == 0 && strlen(hex) == DIGEST_HEX_LEN &&
	       strspn(hex, "0123456789abcdef") == DIGEST_HEX_LEN;
}

static int check(const struct artifact *a, struct error **err)
{
	bool good = is_word(a->name) && is_word(a->version) && a->digest != NULL && is_digest(a->digest) && a->size > 0;

	for (size_t i = 0; i < a->programs.n; i++)
		good = good && is_word(a->programs.v[i]);
	if ((a->format == ARTIFACT_FILE || a->format == ARTIFACT_GZ) && a->programs.n != 1)
		good = false;
	if (!good)
		return error_set(
			err, ERROR_CONFIG,
			"artifact \"%s\" of the bundle cannot be installed: its name, version, digest, size or programs are "
			"not well formed; make the bundle again",
			a->name != NULL ? a->name : "");
	return 0;
}

int artifacts_text(const struct bootstrap_run *run, struct buf *ret, struct error **err)
{
	const struct artifact *a = NULL;

	for (size_t at = 0; (a = artifacts_next(run, &at)) != NULL;) {
		if (check(a, err) < 0)
			return -1;
		buf_addf(ret, "%s %s %s %" PRId64 " %s %u", a->name, a->version, a->digest, a->size, format_names[a->format],
			 a->strip);
		for (size_t i = 0; i < a->programs.n; i++)
			buf_addf(ret, " %s", a->programs.v[i]);
		buf_add_char(ret, '\n');
	}
	return 0;
}

static void add_quoted(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, *s);
	}
}

void artifacts_curl_conf(const struct bootstrap_run *run, struct buf *ret)
{
	buf_addf(ret, "silent\nshow-error\nfail\nnoproxy = \"*\"\nconnect-timeout = 3\nspeed-limit = 1000\nspeed-time = 20\n");
	buf_addf(ret, "cacert = \"%s\"\n", REGISTRY_CA);
	buf_addf(ret, "resolve = \"%s:%d:%s\"\n", REGISTRY_NAME, REGISTRY_PORT, run->registry_address);
	buf_addf(ret, "user = \"%s:", REGISTRY_USER);
	add_quoted(ret, run->registry_password != NULL ? run->registry_password : "");
	buf_add(ret, "\"\n");
}
