#include "registry/reference.h"
#include "core/base/alloc.h"
#include "registry/oci.h"
#include <ctype.h>

enum { TAG_MAX = 128, REPOSITORY_MAX = 255 };

static bool lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One component: runs of a-z0-9 joined by one ".", one or two "_" or any number of "-" (distribution-spec, "Pulling manifests"). */
static bool component_valid(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t start = i;

		while (i < n && lower_or_digit(s[i]))
			i++;
		if (i == start)
			return false;
		if (i == n)
			return true;
		start = i;
		while (i < n && s[i] == s[start])
			i++;
		if (s[start] != '-' && !(s[start] == '.' && i - start == 1) && !(s[start] == '_' && i - start <= 2))
			return false;
	}
	return false;
}

static bool repository_valid(const char *s)
{
	const char *end;

	if (strlen(s) > REPOSITORY_MAX)
		return false;
	for (;; s = end + 1) {
		end = s + strcspn(s, "/");
		if (!component_valid(s, (size_t)(end - s)))
			return false;
		if (*end == '\0')
			return true;
	}
}

static bool tag_valid(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > TAG_MAX || *s == '.' || *s == '-')
		return false;
	for (; *s != '\0'; s++)
		if (!isascii((unsigned char)*s) || (!isalnum((unsigned char)*s) && strchr("_.-", *s) == NULL))
			return false;
	return true;
}

/* "name", "name.example", "name:5000"; nothing that would change the meaning of a URL. */
static bool host_valid(const char *s)
{
	size_t name = strcspn(s, ":");
	const char *port = s + name;

	if (name == 0 || s[0] == '.' || s[0] == '-' || s[name - 1] == '.' || s[name - 1] == '-')
		return false;
	for (size_t i = 0; i < name; i++)
		if (!isascii((unsigned char)s[i]) || (!isalnum((unsigned char)s[i]) && s[i] != '.' && s[i] != '-'))
			return false;
	if (*port == '\0')
		return true;
	port++;
	return *port != '\0' && strlen(port) <= 5 && strspn(port, "0123456789") == strlen(port);
}

static bool is_host(const char *s, size_t n)
{
	return memchr(s, '.', n) != NULL || memchr(s, ':', n) != NULL || (n == 9 && memcmp(s, "localhost", 9) == 0);
}

/* Cut the digest and the tag off the end of name. */
static void cut_tail(char *name, struct reference *r)
{
	char *at = strchr(name, '@'), *slash, *colon;

	if (at != NULL) {
		*at = '\0';
		r->digest = xstrdup(at + 1);
	}
	slash = strrchr(name, '/');
	colon = strchr(slash == NULL ? name : slash, ':');
	if (colon != NULL) {
		*colon = '\0';
		r->tag = xstrdup(colon + 1);
	} else {
		r->tag = xstrdup("latest");
	}
}

static void split_host(const char *name, struct reference *r)
{
	size_t first = strcspn(name, "/");

	if (name[first] == '/' && is_host(name, first)) {
		r->host = xstrndup(name, first);
		r->repository = xstrdup(name + first + 1);
	} else {
		r->host = xstrdup("docker.io");
		r->repository = xstrdup(name);
	}
	if (strcmp(r->host, "index.docker.io") == 0) {
		free(r->host);
		r->host = xstrdup("docker.io");
	}
	if (strcmp(r->host, "docker.io") == 0 && strchr(r->repository, '/') == NULL) {
		char *inner = r->repository;

		r->repository = xasprintf("library/%s", inner);
		free(inner);
	}
}

static int check(const char *s, const struct reference *r, struct error **err)
{
	if (!host_valid(r->host))
		return error_set(err, ERROR_CONFIG, "image \"%s\": \"%s\" is no registry host (name or name:port)", s, r->host);
	if (!repository_valid(r->repository))
		return error_set(err, ERROR_CONFIG,
				 "image \"%s\": \"%s\" is no repository (lower-case letters, digits, and single . _ - between "
				 "them, parts joined by /)",
				 s, r->repository);
	if (!tag_valid(r->tag))
		return error_set(
			err, ERROR_CONFIG,
			"image \"%s\": \"%s\" is no tag (letters, digits, _ . -, at most 128, not beginning with . or -)", s,
			r->tag);
	if (r->digest != NULL && !oci_digest_valid(r->digest))
		return error_set(err, ERROR_CONFIG, "image \"%s\": \"%s\" is no digest (sha256: and 64 hexadecimal digits)", s,
				 r->digest);
	return 0;
}

int reference_parse(const char *s, struct reference *ret, struct error **err)
{
	CLEANUP_FREE char *name = xstrdup(s);
	CLEANUP_REFERENCE struct reference r = {0};

	cut_tail(name, &r);
	split_host(name, &r);
	if (check(s, &r, err) < 0)
		return -1;
	*ret = r;
	r = (struct reference){0};
	return 0;
}

void reference_free(struct reference *r)
{
	free(r->host);
	free(r->repository);
	free(r->tag);
	free(r->digest);
	*r = (struct reference){0};
}

char *reference_local(const struct reference *r)
{
	return xasprintf("%s:%s", r->repository, r->tag);
}

int reference_split_local(const char *local, char **ret_repository, char **ret_tag, struct error **err)
{
	const char *colon = strrchr(local, ':');
	CLEANUP_FREE char *repository = colon == NULL ? xstrdup("") : xstrndup(local, (size_t)(colon - local));

	if (colon == NULL || !repository_valid(repository) || !tag_valid(colon + 1))
		return error_set(err, ERROR_CONFIG, "\"%s\" is no image of the registry (REPOSITORY:TAG)", local);
	*ret_repository = steal_ptr(repository);
	*ret_tag = xstrdup(colon + 1);
	return 0;
}

const char *reference_api_host(const struct reference *r)
{
	return strcmp(r->host, "docker.io") == 0 ? "registry-1.docker.io" : r->host;
}
