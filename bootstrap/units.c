#include "bootstrap/units.h"
#include "bootstrap/artifacts.h"
#include "bootstrap/paths.h"
#include "core/base/alloc.h"

/* Those that are not simply started with the others and waited for (see steps/units.sh).  What join starts needs
 * the API: a controller-manager that is refused once, since the API's own roles are not there yet, tries again after 2 s only. */
static const struct special {
	const char *unit, *patience, *step;
} specials[] = {
	{"davit-volumes.service", "active", "plane"},  {"etcd.service", "active", "plane"},
	{"davit-vip.service", "started", "join"}, {"flanneld.service", "started", "join"},
	{"kube-apiserver.service", "active", "plane"}, {"kube-controller-manager.service", "started", "join"},
	{"kube-proxy.service", "started", "join"},     {"kube-scheduler.service", "started", "join"},
	{"kubelet.service", "active", "join"},
};

/* Read by default, without being named. */
static const struct {
	const char *unit, *path;
} unnamed[] = {
	{"containerd.service", "/etc/containerd/config.toml"},
};

/* Certificates and keys below these are loaded again by who reads them; those of `loaded_once` are not. */
static const char *const reloading[] = {"/etc/kubernetes/pki/", "/var/lib/kubelet/pki/"};
static const char *const loaded_once[] = {"ca.crt", "ca.key", "front-proxy-ca.crt", "sa.key", "sa.pub", "engine-ca.crt"};

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

static bool reloads_itself(const char *path)
{
	const char *base = strrchr(path, '/') + 1;

	if (!ends(path, ".crt") && !ends(path, ".key"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(loaded_once); i++)
		if (strcmp(base, loaded_once[i]) == 0)
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(reloading); i++)
		if (starts(path, reloading[i]))
			return true;
	return false;
}

char *unit_full_name(const char *name)
{
	return strchr(name, '.') != NULL ? xstrdup(name) : xasprintf("%s.service", name);
}

static bool path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/';
}

/* The path as a whole: not as the beginning of a longer one. */
static bool names(const struct buf *text, const char *path)
{
	const char *at = buf_str(text), *end = at + text->len;
	size_t n = strlen(path);

	while ((at = memmem(at, (size_t)(end - at), path, n)) != NULL) {
		const char *next = at + n;
		bool dot = next + 1 < end && *next == '.' && path_char(next[1]);

		if (next == end || (!path_char(*next) && !dot))
			return true;
		at = next;
	}
	return false;
}

static bool is_own(const char *unit, const char *path)
{
	const char *name = path + strlen(UNIT_FOLDER);

	if (!starts(path, UNIT_FOLDER))
		return false;
	return strcmp(name, unit) == 0 || (starts(name, unit) && starts(name + strlen(unit), ".d/"));
}

static bool is_unnamed(const char *unit, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(unnamed); i++)
		if (strcmp(unnamed[i].unit, unit) == 0 && strcmp(unnamed[i].path, path) == 0)
			return true;
	return false;
}

static bool named_by_used(const struct fileset *files, const bool *used, const char *path)
{
	for (size_t i = 0; i < files->n; i++)
		if (used[i] && names(&files->files[i].content, path))
			return true;
	return false;
}

/* used[i]: file i counts for the unit.  The caller frees. */
static bool *used_files(const struct fileset *files, const char *unit)
{
	bool *used = xnew_n(bool, files->n + 1);
	bool more = true;

	for (size_t i = 0; i < files->n; i++)
		used[i] = is_own(unit, files->files[i].path) || is_unnamed(unit, files->files[i].path);
	while (more) {
		more = false;
		for (size_t i = 0; i < files->n; i++) {
			const char *path = files->files[i].path;

			/* another unit is named for the sake of order, the run's own files belong to no unit */
			if (used[i] || starts(path, UNIT_FOLDER) || starts(path, RUN_FOLDER) || reloads_itself(path))
				continue;
			used[i] = named_by_used(files, used, path);
			more = more || used[i];
		}
	}
	return used;
}

bool unit_uses(const struct bootstrap_run *run, const char *unit, const char *path)
{
	CLEANUP_FREE bool *used = used_files(run->files, unit);

	for (size_t i = 0; i < run->files->n; i++)
		if (used[i] && strcmp(run->files->files[i].path, path) == 0)
			return true;
	return false;
}

static void add_programs(const struct bootstrap_run *run, const bool *used, struct digest *d)
{
	const struct artifact *a = NULL;

	for (size_t at = 0; (a = artifacts_next(run, &at)) != NULL;) {
		for (size_t i = 0; i < a->programs.n; i++) {
			CLEANUP_FREE char *path = xasprintf("%s%s", DAVIT_BIN, a->programs.v[i]);

			if (named_by_used(run->files, used, path)) {
				digest_update(d, a->digest, strlen(a->digest));
				break;
			}
		}
	}
}

/* What a unit that runs can do without until it is started again for another reason: no API is away for it. */
static const char *const unhurried[] = {"--goaway-chance=", "--shutdown-delay-duration="};

static bool is_unhurried(const char *line, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(unhurried); i++)
		if (memmem(line, n, unhurried[i], strlen(unhurried[i])) != NULL)
			return true;
	return false;
}

static void add_lines(const struct buf *text, struct digest *d)
{
	const char *at = buf_str(text), *end = at + text->len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *next = newline != NULL ? newline + 1 : end;

		if (!is_unhurried(at, (size_t)(next - at)))
			digest_update(d, at, (size_t)(next - at));
		at = next;
	}
	digest_update(d, "", 1);
}

static int add_file(const struct file *f, struct digest *d, struct error **err)
{
	char hex[DIGEST_HEX_LEN + 1] = "";

	if (f->source != NULL && digest_file(f->source, hex, NULL, err) < 0)
		return -1;
	digest_update(d, f->path, strlen(f->path) + 1);
	digest_update(d, hex, strlen(hex));
	add_lines(&f->content, d);
	return 0;
}

int unit_digest(const struct bootstrap_run *run, const char *unit, char ret_hex[DIGEST_HEX_LEN + 1], struct error **err)
{
	CLEANUP_FREE bool *used = used_files(run->files, unit);
	struct digest *d = digest_new();

	for (size_t i = 0; i < run->files->n; i++) {
		if (used[i] && add_file(&run->files->files[i], d, err) < 0) {
			digest_free(d);
			return -1;
		}
	}
	add_programs(run, used, d);
	digest_final(d, ret_hex);
	return 0;
}

static const struct special *special_of(const char *unit)
{
	static const struct special usual = {NULL, "active", "units"};

	for (size_t i = 0; i < ARRAY_SIZE(specials); i++)
		if (strcmp(specials[i].unit, unit) == 0)
			return &specials[i];
	return &usual;
}

/* On a control plane nobody waits for the kubelet: what the other nodes need comes first. */
static const char *patience_of(const struct special *special, enum node_role role)
{
	bool kubelet = special->unit != NULL && strcmp(special->unit, "kubelet.service") == 0;

	return kubelet && role == NODE_CONTROL_PLANE ? "started" : special->patience;
}

int units_text(const struct bootstrap_run *run, struct buf *ret, struct error **err)
{
	for (size_t i = 0; run->units != NULL && i < run->units->n; i++) {
		CLEANUP_FREE char *unit = unit_full_name(run->units->v[i]);
		char hex[DIGEST_HEX_LEN + 1] = "";
		const struct special *special = special_of(unit);

		if (unit_digest(run, unit, hex, err) < 0)
			return -1;
		buf_addf(ret, "%s %s %s %s\n", unit, hex, patience_of(special, run->role), special->step);
	}
	return 0;
}
