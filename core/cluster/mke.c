#include "core/cluster/mke.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/path.h"
#include "core/base/yaml.h"
#include "core/cluster/address.h"
#include "core/cluster/given.h"
#include "core/cluster/msr.h"
#include <ctype.h>
#include <stdlib.h>

#define POD_CIDR "192.168.0.0/16" /* MKE's own default: davit's lies in what overlay networks get */
#define ENGINE "docker-ee"
enum { ENGINE_MIN = 25, LICENSE_MAX = 64 * 1024, PASSWORD_MIN = 8, PASSWORD_MAX = 128 };

/* ---- systems */

/* Images are known here by their name alone; the node itself says what it is (steps/system.sh). */
static int check_image(const struct yaml *y, const struct yaml_node *at, const char *image, struct error **err)
{
	if (strcasestr(image, "debian") == NULL)
		return 0;
	return yaml_error(y, at, err,
			  "image: \"%s\": Mirantis Container Runtime is not made for Debian; davit installs it on Ubuntu 22.04 and 24.04: name such an image for "
			  "controlPlane and each pool, or as openstack.image, and its user as access.user", image);
}

static int check_pool_image(const struct yaml *y, const struct yaml_node *file, const struct yaml_node *pool, const struct pool_spec *p, const struct spec *s,
			    struct error **err)
{
	if (p->image != NULL)
		return check_image(y, yaml_get(pool, "image"), p->image, err);
	return check_image(y, yaml_get(yaml_get(file, "openstack"), "image"), s->openstack.image, err);
}

static int check_images(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	const struct yaml_node *pools = yaml_get(file, "workerPools");

	if (check_pool_image(y, file, yaml_get(file, "controlPlane"), &s->control_plane, s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n_pools; i++)
		if (check_pool_image(y, file, pools->values[i], &s->pools[i], s, err) < 0)
			return -1;
	return 0;
}

/* ---- files */

static int check_file(const struct yaml *y, const struct yaml_node *at, const struct own_file *f, struct error **err)
{
	if (strlen(f->sha256) == DIGEST_HEX_LEN && strspn(f->sha256, "0123456789abcdef") == DIGEST_HEX_LEN)
		return 0;
	return yaml_error(y, yaml_get(at, "sha256"), err, "sha256: \"%s\" is none: 64 hexadecimal digits, as \"sha256sum %s\" prints them", f->sha256, f->path);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

char *mke_package_name(const char *path)
{
	static const char *const ends[] = {"_amd64.deb", "_all.deb"};
	const char *base = base_of(path), *underscore = strchr(base, '_');
	size_t n = underscore != NULL ? (size_t)(underscore - base) : 0, len = strlen(base);

	if (n == 0 || !isalnum((unsigned char)*base) || strspn(base, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != n)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (len > n + 1 + strlen(ends[i]) && strcmp(base + len - strlen(ends[i]), ends[i]) == 0)
			return xstrndup(base, n);
	return NULL;
}

/* Of "docker-ee_5%3a29.4.1~1-0~ubuntu-noble_amd64.deb" what is "29.4.1"; an epoch does not count. */
static bool is_of_version(const char *path, const char *version)
{
	const char *at = strchr(base_of(path), '_') + 1;
	size_t n = strlen(version), digits = strspn(at, "0123456789");

	if (digits > 0 && strncasecmp(at + digits, "%3a", 3) == 0)
		at += digits + 3;
	else if (digits > 0 && at[digits] == ':')
		at += digits + 1;
	return strncmp(at, version, n) == 0 && !isdigit((unsigned char)at[n]) && at[n] != '.';
}

static int check_package(const struct yaml *y, const struct yaml_node *at, const struct spec *s, size_t i, bool *ret_engine, struct error **err)
{
	const char *path = s->mke.engine.packages[i].path;
	CLEANUP_FREE char *name = mke_package_name(path);

	if (name == NULL)
		return yaml_error(y, yaml_get(at, "file"), err, "file: \"%s\" is no package of Ubuntu's for amd64: its name has to be that which the vendor gave it, NAME_VERSION_amd64.deb",
				  path);
	for (size_t k = 0; k < i; k++) {
		CLEANUP_FREE char *other = mke_package_name(s->mke.engine.packages[k].path);

		if (strcmp(name, other) == 0)
			return yaml_error(y, yaml_get(at, "file"), err, "file: there are two packages \"%s\"", name);
		if (strcmp(s->mke.engine.packages[i].sha256, s->mke.engine.packages[k].sha256) == 0)
			return yaml_error(y, yaml_get(at, "sha256"), err, "sha256: that of \"%s\" is the same", s->mke.engine.packages[k].path);
	}
	if (strcmp(name, ENGINE) == 0 && !is_of_version(path, s->mke.engine.version))
		return yaml_error(y, yaml_get(at, "file"), err, "file: \"%s\" is not of version %s, which \"version\" wants", path, s->mke.engine.version);
	*ret_engine = *ret_engine || strcmp(name, ENGINE) == 0;
	return check_file(y, at, &s->mke.engine.packages[i], err);
}

static int check_engine(const struct yaml *y, const struct yaml_node *engine, const struct spec *s, struct error **err)
{
	const struct yaml_node *list = yaml_get(engine, "packages");
	bool has = false;

	if (strtol(s->mke.engine.version, NULL, 10) < ENGINE_MIN)
		return yaml_error(y, yaml_get(engine, "version"), err, "version: Mirantis Container Runtime %s is too old: %d.0 or later is needed", s->mke.engine.version,
				  ENGINE_MIN);
	for (size_t i = 0; i < s->mke.engine.n_packages; i++)
		if (check_package(y, list->values[i], s, i, &has, err) < 0)
			return -1;
	if (!has)
		return yaml_error(y, list, err, "packages: none is the engine: " ENGINE "_%s…_amd64.deb", s->mke.engine.version);
	return 0;
}

/* ---- the rest */

/* What the installer, env-files and MKE's own paths take. */
static int check_user(const struct yaml *y, const struct yaml_node *mke, const struct spec *s, struct error **err)
{
	const char *user = s->mke.user;

	if (*user != '\0' && strlen(user) <= 64 && strspn(user, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(user))
		return 0;
	return yaml_error(y, yaml_get(mke, "user"), err, "user: \"%s\" is none of MKE's: small letters, digits, . _ and -", user);
}

static int check_api(const struct yaml *y, const struct yaml_node *file, const struct spec *s, struct error **err)
{
	if (s->api.endpoint == API_FLOATING_IP || s->api.endpoint == API_INTERNAL)
		return 0;
	return yaml_error(y, yaml_get(yaml_get(file, "api"), "endpoint"), err, "endpoint: with MKE only floatingIP and internal are possible");
}

/* Overlay networks, pods and services would hide one another.  At the one that stands in the file. */
static int check_apart(const struct yaml *y, const struct yaml_node *file, const struct spec *s, const char *key, const char *text, struct error **err)
{
	const struct yaml_node *at = yaml_get(yaml_get(file, "network"), key), *pools = yaml_get(yaml_get(file, "swarm"), "addressPools");
	struct cidr network = {0}, pool = {0};

	for (size_t i = 0; i < s->swarm.address_pools.n; i++) {
		const struct yaml_node *place = at != NULL ? at : pools != NULL ? pools->values[i] : file;

		if (cidr_parse(text, &network, err) < 0 || cidr_parse(s->swarm.address_pools.v[i], &pool, err) < 0)
			return -1;
		if (cidr_overlap(network, pool))
			return yaml_error(y, place, err, "network.%s %s overlaps %s of swarm.addressPools; they must be apart", key, text, s->swarm.address_pools.v[i]);
	}
	return 0;
}

static void fill_pod_cidr(const struct yaml_node *file, struct spec *s)
{
	if (yaml_get(yaml_get(file, "network"), "podCIDR") != NULL)
		return;
	free(s->network.pod_cidr);
	s->network.pod_cidr = xstrdup(POD_CIDR);
}

int mke_check(const struct yaml *y, const struct yaml_node *file, struct spec *s, struct error **err)
{
	const struct yaml_node *mke = yaml_get(file, "mke");

	if (mke == NULL)
		return yaml_error(y, yaml_get(file, "platform"), err, "platform: \"type: mke\" needs \"mke\" beside it: {images, engine, passwordFile}");
	fill_pod_cidr(file, s);
	if (check_images(y, file, s, err) < 0 || check_file(y, yaml_get(mke, "images"), &s->mke.images, err) < 0 ||
	    check_engine(y, yaml_get(mke, "engine"), s, err) < 0 || check_user(y, mke, s, err) < 0 || check_api(y, file, s, err) < 0 ||
	    check_apart(y, file, s, "podCIDR", s->network.pod_cidr, err) < 0)
		return -1;
	return check_apart(y, file, s, "serviceCIDR", s->network.service_cidr, err) < 0 ? -1 : msr_check(y, file, s, err);
}

/* ---- what the installer is given */

static bool is_token(const char *text)
{
	size_t dots = 0;

	if (text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.\n")] != '\0')
		return false;
	for (const char *at = text; (at = strchr(at, '.')) != NULL; at++)
		dots++;
	return dots == 2 && *text != '.';
}

static bool is_license(const struct buf *text)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (text->len == 0 || text->len > LICENSE_MAX || memchr(text->data, '\0', text->len) != NULL)
		return false;
	if (is_token(buf_str(text)))
		return true;
	return json_parse(text->data, text->len, "licence", &o, NULL) == 0 && *json_get_str(o, "key_id", "") != '\0' && *json_get_str(o, "authorization", "") != '\0';
}

int mke_license(const struct spec *s, char **ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	struct error *why = NULL;

	*ret = NULL;
	if (s->mke.license == NULL)
		return 0;
	if (path_read(s->mke.license, &text, &why) == 0 && !is_license(&text))
		error_set(&why, ERROR_CONFIG, "%s is no licence: it is neither JSON with key_id and authorization nor a token", s->mke.license);
	if (why != NULL)
		return given_blame(s, "mke.license", why, err);
	*ret = xstrdup(buf_str(&text));
	return 0;
}

int mke_password(const struct spec *s, char **ret, struct error **err)
{
	static const struct given_password of = {"MKE", "mke.passwordFile", PASSWORD_MIN, PASSWORD_MAX};

	return given_read_password(s, &of, s->mke.password_file, ret, err);
}
