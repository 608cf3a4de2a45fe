#include "provision/catalog.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include <ctype.h>

static const struct service {
	const char *types[6];  /* the service-types authority's name first, then its aliases */
	const char *behind;    /* what follows the root; NULL: the URL stays as it is, */
	const char *versioned; /* with this where it names no version */
} services[CLOUD_SERVICES] = {
	[CLOUD_IDENTITY] = {{"identity"}, "/v3", NULL},
	[CLOUD_COMPUTE] = {{"compute"}, NULL, "/v2.1"},
	[CLOUD_NETWORK] = {{"network"}, "/v2.0", NULL},
	[CLOUD_IMAGE] = {{"image"}, "/v2", NULL},
	[CLOUD_VOLUME] = {{"block-storage", "volumev3", "volumev2", "volume", "block-store"}, NULL, "/v3"},
	[CLOUD_LOAD_BALANCER] = {{"load-balancer"}, "/v2.0/lbaas", NULL},
	[CLOUD_PLACEMENT] = {{"placement"}, "", NULL},
	[CLOUD_OBJECT_STORE] = {{"object-store"}, NULL, "/v1"},
};

/* v3, v2.0, v2.1 */
static bool is_version(const char *s, size_t n)
{
	size_t i = 1;

	if (n < 2 || s[0] != 'v' || !isdigit((unsigned char)s[1]))
		return false;
	while (i < n && (isdigit((unsigned char)s[i]) || s[i] == '.'))
		i++;
	return i == n;
}

/* Length of what stands before the path: "https://host:5000". */
static size_t authority_len(const char *url)
{
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : url;
	return (size_t)(host - url) + strcspn(host, "/?#");
}

static void trim_slashes(char *url)
{
	size_t n = strlen(url), least = authority_len(url);

	while (n > least && url[n - 1] == '/')
		url[--n] = '\0';
}

char *catalog_strip_version(const char *url)
{
	char *s = xstrdup(url);
	size_t least;
	char *last;

	s[strcspn(s, "?#")] = '\0';
	least = authority_len(s);
	trim_slashes(s);
	last = strrchr(s + least, '/');
	if (last != NULL && strcmp(last, "/lbaas") == 0) {
		*last = '\0';
		last = strrchr(s + least, '/');
	}
	if (last != NULL && is_version(last + 1, strlen(last + 1)))
		*last = '\0';
	trim_slashes(s);
	return s;
}

static bool names_version(const char *url)
{
	const char *p = url + authority_len(url);

	while (*p == '/') {
		size_t n = strcspn(p + 1, "/?#");

		if (is_version(p + 1, n))
			return true;
		p += 1 + n;
	}
	return false;
}

char *catalog_root(const char *url)
{
	const char *p = url + authority_len(url);
	size_t n;

	while (*p == '/') {
		n = strcspn(p + 1, "/?#");
		if (is_version(p + 1, n))
			break;
		p += 1 + n;
	}
	return xstrndup(url, (size_t)(p - url));
}

static char *base_url(const struct service *s, const char *url)
{
	CLEANUP_FREE char *root = catalog_strip_version(url);
	char *kept;

	if (s->behind != NULL)
		return xasprintf("%s%s", root, s->behind);
	kept = names_version(url) ? xstrdup(url) : xasprintf("%s%s", root, s->versioned);
	trim_slashes(kept);
	return kept;
}

static bool is_web_address(const char *url)
{
	return url != NULL && (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
}

/* "public" and, in catalogs of old, "publicURL". */
static bool interface_matches(const char *there, const char *wanted)
{
	size_t n = strlen(wanted);

	return strncmp(there, wanted, n) == 0 && (there[n] == '\0' || strcmp(there + n, "URL") == 0);
}

static const char *match(struct json_object *entry, const char *interface, const char *region)
{
	struct json_object *endpoints = json_at(entry, "endpoints");

	for (size_t i = 0; i < json_len(endpoints); i++) {
		struct json_object *e = json_object_array_get_idx(endpoints, i);
		const char *url = json_get_str(e, "url", NULL);
		const char *by_id = json_get_str(e, "region_id", ""), *by_name = json_get_str(e, "region", "");

		if (!interface_matches(json_get_str(e, "interface", ""), interface) || !is_web_address(url))
			continue;
		if (region == NULL || strcmp(region, by_id) == 0 || strcmp(region, by_name) == 0)
			return url;
	}
	return NULL;
}

static void add_new(struct strv *l, const char *s)
{
	if (s != NULL && s[0] != '\0' && !strv_has(l, s))
		strv_add(l, s);
}

static void list_endpoints(struct json_object *entry, struct strv *regions, struct strv *interfaces)
{
	struct json_object *endpoints = json_at(entry, "endpoints");

	for (size_t i = 0; i < json_len(endpoints); i++) {
		struct json_object *e = json_object_array_get_idx(endpoints, i);

		add_new(regions, json_get_str(e, "region_id", json_get_str(e, "region", NULL)));
		add_new(interfaces, json_get_str(e, "interface", NULL));
	}
}

static bool is_type(struct json_object *entry, const char *wanted, const struct service *s)
{
	const char *type = json_get_str(entry, "type", "");

	if (wanted != NULL)
		return strcmp(type, wanted) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(s->types) && s->types[i] != NULL; i++)
		if (strcmp(type, s->types[i]) == 0)
			return true;
	return false;
}

/* What is there instead. */
static int not_found(struct json_object *catalog, const struct cloud_config *c, enum cloud_service service, const char *interface,
		     const char *region, struct error **err)
{
	CLEANUP_STRV struct strv types = STRV_INIT, regions = STRV_INIT, interfaces = STRV_INIT;
	CLEANUP_FREE char *all_types = NULL, *all_regions = NULL, *all_interfaces = NULL;
	const char *wanted = c->services[service].type != NULL ? c->services[service].type : services[service].types[0];

	for (size_t i = 0; i < json_len(catalog); i++) {
		struct json_object *entry = json_object_array_get_idx(catalog, i);

		add_new(&types, json_get_str(entry, "type", NULL));
		if (is_type(entry, c->services[service].type, &services[service]))
			list_endpoints(entry, &regions, &interfaces);
	}
	strv_sort(&types);
	all_types = strv_join(&types, ", ");
	all_regions = strv_join(&regions, ", ");
	all_interfaces = strv_join(&interfaces, ", ");
	if (interfaces.n == 0)
		return error_set(err, ERROR_NOT_FOUND, "the cloud has no %s service (%s); its catalog has: %s", wanted, c->source,
				 types.n > 0 ? all_types : "nothing");
	return error_set(err, ERROR_NOT_FOUND,
			 "the cloud has no %s endpoint with interface %s in region %s (%s); there are interfaces %s, regions %s",
			 wanted, interface, region != NULL ? region : "(any)", c->source, all_interfaces, all_regions);
}

int catalog_find(struct json_object *catalog, const struct cloud_config *c, enum cloud_service service, char **ret,
		 struct error **err)
{
	const struct service *s = &services[service];
	const struct service_config *own = &c->services[service];
	const char *interface = own->interface != NULL ? own->interface : c->interface;
	const char *region = own->region != NULL ? own->region : c->region;
	const char *url = own->endpoint_override;

	for (size_t t = 0; url == NULL && t < ARRAY_SIZE(s->types); t++) {
		const char *type = own->type != NULL ? own->type : s->types[t];

		for (size_t i = 0; type != NULL && url == NULL && i < json_len(catalog); i++) {
			struct json_object *entry = json_object_array_get_idx(catalog, i);

			if (strcmp(json_get_str(entry, "type", ""), type) == 0)
				url = match(entry, interface, region);
		}
	}
	if (url == NULL)
		return not_found(catalog, c, service, interface, region, err);
	if (!is_web_address(url))
		return error_set(err, ERROR_CONFIG, "%s: endpoint_override of %s is \"%s\", expected http(s)://…", c->source,
				 cloud_service_name(service), url);
	*ret = base_url(s, url);
	return 0;
}

/* ---- version documents ---- */

static bool is_id(const char *id, const char *wanted)
{
	size_t n = strlen(wanted);

	return strncmp(id, wanted, n) == 0 && (id[n] == '\0' || id[n] == '.');
}

static const char *self_link(struct json_object *version)
{
	struct json_object *links = json_at(version, "links");

	for (size_t i = 0; i < json_len(links); i++) {
		struct json_object *link = json_object_array_get_idx(links, i);

		if (strcmp(json_get_str(link, "rel", ""), "self") == 0)
			return json_get_str(link, "href", NULL);
	}
	return NULL;
}

static char *with_path_of(const char *asked_url, const char *href)
{
	const char *path = strstr(href, "://") != NULL ? href + authority_len(href) : href;
	char *url;

	if (path[0] != '/' && path[0] != '\0')
		return NULL;
	url = xasprintf("%.*s%s", (int)authority_len(asked_url), asked_url, path);
	url[strcspn(url, "?#")] = '\0';
	trim_slashes(url);
	return url;
}

char *catalog_version_url(struct json_object *document, const char *id, const char *asked_url)
{
	struct json_object *versions = json_at(document, "versions");
	struct json_object *one = json_at(document, "version");

	if (json_object_is_type(versions, json_type_object))
		versions = json_at(versions, "values");
	for (size_t i = 0; i < json_len(versions) || one != NULL; i++) {
		struct json_object *v = one != NULL ? one : json_object_array_get_idx(versions, i);
		const char *href = self_link(v);

		if (is_id(json_get_str(v, "id", ""), id) && href != NULL)
			return with_path_of(asked_url, href);
		if (one != NULL)
			return NULL;
	}
	return NULL;
}
