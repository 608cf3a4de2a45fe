#include "core/cluster/scalar.h"
#include "core/base/clock.h"
#include "core/base/alloc.h"
#include "core/cluster/address.h"
#include <errno.h>

enum { ANNOTATION_MAX = 16 * 1024 }; /* it becomes an argument of kubectl, beside others; Kubernetes takes 256 KiB of all together */

static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
static const char digits[] = "0123456789";
static const char name_characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
static const char label_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

bool scalar_is_name(const char *s, size_t max)
{
	size_t n = strlen(s);

	return n > 0 && n <= max && strspn(s, name_characters) == n && strchr(lower, s[0]) != NULL && s[n - 1] != '-';
}

static bool is_version(const char *s)
{
	for (int part = 0; part < 3; part++) {
		size_t n = strspn(s, digits);

		if (n == 0 || n > 4 || (s[n] != (part < 2 ? '.' : '\0')))
			return false;
		s += n + 1;
	}
	return true;
}

static int check_int(const struct field *f, const char *s, struct error **err)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 10);
	if (*s == '\0' || *end != '\0' || errno != 0)
		return error_set(err, ERROR_CONFIG, "\"%s\" is not a whole number (%ld to %ld)", s, f->min, f->max);
	if (v < f->min || v > f->max)
		return error_set(err, ERROR_CONFIG, "%ld is not within %ld to %ld", v, f->min, f->max);
	return 0;
}

int scalar_size(const char *s, int64_t *ret_gib, struct error **err)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(s, &end, 10);
	if (strchr(digits, *s) == NULL || end == s || errno != 0 || v > 1000000)
		return error_set(err, ERROR_CONFIG, "\"%s\" is not a size such as 20, 20Gi or 1Ti", s);
	if (strcmp(end, "Ti") == 0)
		v *= 1024;
	else if (*end != '\0' && strcmp(end, "Gi") != 0)
		return error_set(err, ERROR_CONFIG, "\"%s\" is not a size such as 20, 20Gi or 1Ti", s);
	*ret_gib = v;
	return 0;
}

int scalar_time(const char *s, int64_t *ret_ms, struct error **err)
{
	if (strcmp(s, "never") == 0) {
		*ret_ms = INT64_MAX;
		return 0;
	}
	return clock_span(s, ret_ms) ? 0 : error_set(err, ERROR_CONFIG, "\"%s\" is no time such as 90s, 10m or 1h, nor never", s);
}

static int check_time(const char *s, struct error **err)
{
	int64_t ms = 0;

	return scalar_time(s, &ms, err);
}

static int check_size(const struct field *f, const char *s, struct error **err)
{
	int64_t gib = 0;

	if (scalar_size(s, &gib, err) < 0)
		return -1;
	if (gib < f->min || gib > f->max)
		return error_set(err, ERROR_CONFIG, "%s is not within %ldGi to %ldGi", s, f->min, f->max);
	return 0;
}

static bool is_label_name(const char *s, size_t n)
{
	return n > 0 && n <= 63 && strspn(s, label_characters) >= n && strchr("-_.", s[0]) == NULL && strchr("-_.", s[n - 1]) == NULL;
}

/* [prefix/]name */
static bool is_label_key(const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);

	if (slash == NULL)
		return is_label_name(s, n);
	return slash > s && slash - s <= 253 && strspn(s, label_characters) == (size_t)(slash - s) &&
	       is_label_name(slash + 1, n - (size_t)(slash + 1 - s));
}

/* Whether the n characters are the domain, or one below it. */
static bool is_below(const char *s, size_t n, const char *domain)
{
	size_t m = strlen(domain);

	return n >= m && memcmp(s + n - m, domain, m) == 0 && (n == m || s[n - m - 1] == '.');
}

/*
 * What the NodeRestriction admission plugin lets a kubelet set of the namespaces of Kubernetes: k8s.io/kubelet/pkg/apis/well_known_labels.go, less
 * what the kubelet itself says of its host (its name, system and architecture).
 */
static bool is_kubelets(const char *key, size_t prefix)
{
	static const char *const known[] = {"topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
					    "failure-domain.beta.kubernetes.io/region", "beta.kubernetes.io/instance-type"};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(key, known[i]) == 0)
			return true;
	return is_below(key, prefix, "node.kubernetes.io") || is_below(key, prefix, "kubelet.kubernetes.io");
}

int scalar_label(const char *key, const char *value, struct error **err)
{
	const char *slash = strchr(key, '/');
	size_t prefix = slash == NULL ? 0 : (size_t)(slash - key);

	if (!is_label_key(key, strlen(key)))
		return error_set(err, ERROR_CONFIG, "\"%s\" is no label key ([prefix/]name of letters, digits, - _ .)", key);
	if (*value != '\0' && !is_label_name(value, strlen(value)))
		return error_set(err, ERROR_CONFIG, "\"%s\" is no label value (at most 63 letters, digits, - _ .)", value);
	if ((is_below(key, prefix, "kubernetes.io") || is_below(key, prefix, "k8s.io")) && !is_kubelets(key, prefix))
		return error_set(err, ERROR_CONFIG, "\"%s\" is in a namespace that belongs to Kubernetes; use another prefix", key);
	if (is_below(key, prefix, "davit.dev"))
		return error_set(err, ERROR_CONFIG, "\"%s\" is in davit's own namespace; use another prefix", key);
	return 0;
}

int scalar_annotation(const char *key, const char *value, struct error **err)
{
	static const char *const taken[] = {"davit.dev/", "flannel.alpha.coreos.com/"};

	if (!is_label_key(key, strlen(key)))
		return error_set(err, ERROR_CONFIG, "\"%s\" is no key of an annotation ([prefix/]name of letters, digits, - _ .)", key);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (strncmp(key, taken[i], strlen(taken[i])) == 0)
			return error_set(err, ERROR_CONFIG, "\"%s\": %s belongs to a program of the cluster; use another prefix", key, taken[i]);
	if (strlen(value) > ANNOTATION_MAX)
		return error_set(err, ERROR_CONFIG, "the value of \"%s\" is longer than %d bytes", key, ANNOTATION_MAX);
	return 0;
}

/* nova: parameter_types.metadata; cinder takes more.  "davit…" is how servers are told apart. */
int scalar_metadata(const char *key, const char *value, struct error **err)
{
	static const char others[] = "-_:. ";
	size_t n = strlen(key);

	for (size_t i = 0; i < n; i++)
		if (strchr(label_characters, key[i]) == NULL && strchr(others, key[i]) == NULL)
			n = 0;
	if (n == 0 || n > 255)
		return error_set(err, ERROR_CONFIG, "\"%s\" is no key of metadata (at most 255 letters, digits, - _ : . and spaces)", key);
	if (strncmp(key, "davit", 5) == 0)
		return error_set(err, ERROR_CONFIG, "\"%s\": keys that begin with davit are davit's own", key);
	if (strlen(value) > 255)
		return error_set(err, ERROR_CONFIG, "the value of \"%s\" is longer than the 255 bytes that the cloud takes", key);
	return 0;
}

/* Those that Kubernetes puts on nodes and takes off them by itself, by how they are. */
static bool is_of_conditions(const char *taint)
{
	size_t prefix = strcspn(taint, "/=:");

	return taint[prefix] == '/' && (is_below(taint, prefix, "node.kubernetes.io") || is_below(taint, prefix, "node.cloudprovider.kubernetes.io"));
}

/* key[=[value]]:Effect */
static int check_taint(const char *s, struct error **err)
{
	const char *colon = strrchr(s, ':');
	size_t key = strcspn(s, "=:"), value = s[key] == '=' ? key + 1 : key;
	bool valued = colon != NULL && s + value < colon;

	if (colon == NULL || !is_label_key(s, key) || s + value > colon || (valued && !is_label_name(s + value, (size_t)(colon - s) - value)) ||
	    (strcmp(colon, ":NoSchedule") != 0 && strcmp(colon, ":PreferNoSchedule") != 0 && strcmp(colon, ":NoExecute") != 0))
		return error_set(err, ERROR_CONFIG,
				 "\"%s\" is no taint; write key=value:Effect with NoSchedule, PreferNoSchedule or NoExecute", s);
	if (is_of_conditions(s))
		return error_set(err, ERROR_CONFIG, "\"%s\" is one of those that Kubernetes itself puts on nodes and takes off them; use another key", s);
	return 0;
}

/* A path that needs no quotes anywhere, and that only one spelling stands for. */
static bool is_path(const char *s)
{
	if (*s != '/' || strlen(s) > 200)
		return false;
	while (*s == '/') {
		size_t n = strspn(++s, label_characters);

		if (n == 0 || (n <= 2 && strspn(s, ".") >= n))
			return false;
		s += n;
	}
	return *s == '\0';
}

int scalar_check(const struct field *f, const char *s, struct error **err)
{
	struct cidr cidr;
	uint32_t address;

	switch (f->type) {
	case FIELD_NAME:
		if (!scalar_is_name(s, (size_t)f->max))
			return error_set(err, ERROR_CONFIG,
					 "\"%s\" must be at most %ld lower-case letters, digits and hyphens, beginning with a letter", s,
					 f->max);
		return 0;
	case FIELD_VERSION:
		return is_version(s) ? 0 : error_set(err, ERROR_CONFIG, "\"%s\" is no version such as 1.36.3", s);
	case FIELD_CIDR:
	case FIELD_CIDRS:
		return cidr_parse(s, &cidr, err);
	case FIELD_ADDRESSES:
		return address_parse(s, &address, err);
	case FIELD_PATH:
		if (!is_path(s))
			return error_set(err, ERROR_CONFIG, "\"%s\" is no folder such as /var/lib/data (letters, digits, - _ .)", s);
		return 0;
	case FIELD_URL:
		if (strncmp(s, "https://", 8) != 0 && strncmp(s, "http://", 7) != 0 && strncmp(s, "file:///", 8) != 0)
			return error_set(err, ERROR_CONFIG, "\"%s\" is no URL that begins with https://, http:// or file:///", s);
		return 0;
	case FIELD_BOOL:
		if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
			return error_set(err, ERROR_CONFIG, "\"%s\" is neither true nor false", s);
		return 0;
	case FIELD_INT:
		return check_int(f, s, err);
	case FIELD_SIZE:
		return check_size(f, s, err);
	case FIELD_TIME:
		return check_time(s, err);
	case FIELD_TAINTS:
		return check_taint(s, err);
	default:
		return *s == '\0' ? error_set(err, ERROR_CONFIG, "an empty string") : 0;
	}
}
