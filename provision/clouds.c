#include "provision/clouds.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include <ctype.h>
#include <unistd.h>

extern char **environ;

static void add_folder(struct strv *paths, const char *folder, const char *base)
{
	static const char *const suffixes[] = {"yaml", "yml", "json"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		strv_addf(paths, "%s/%s.%s", folder, base, suffixes[i]);
}

static void search_path(struct strv *paths, const char *variable, const char *base)
{
	const char *named = getenv(variable), *xdg = getenv("XDG_CONFIG_HOME");
	CLEANUP_FREE char *user =
		xdg != NULL && xdg[0] == '/' ? xasprintf("%s/openstack", xdg) : path_expand("~/.config/openstack");

	if (named != NULL && named[0] != '\0')
		strv_take(paths, path_expand(named));
	add_folder(paths, ".", base);
	add_folder(paths, user, base);
	add_folder(paths, "/etc/openstack", base);
}

static int load_first(const struct strv *paths, struct yaml **ret, struct error **err)
{
	for (size_t i = 0; i < paths->n; i++)
		if (access(paths->v[i], R_OK) == 0)
			return yaml_load(paths->v[i], ret, err);
	return 0;
}

int cloud_files_load(struct cloud_files *ret, struct error **err)
{
	CLEANUP_STRV struct strv secure = STRV_INIT, vendor = STRV_INIT;

	*ret = (struct cloud_files){0};
	search_path(&ret->searched, "OS_CLIENT_CONFIG_FILE", "clouds");
	search_path(&secure, "OS_CLIENT_SECURE_FILE", "secure");
	search_path(&vendor, "OS_CLIENT_VENDOR_FILE", "clouds-public");
	return load_first(&ret->searched, &ret->clouds, err) < 0 || load_first(&secure, &ret->secure, err) < 0 ||
			       load_first(&vendor, &ret->vendor, err) < 0
		       ? -1
		       : 0;
}

static void wipe(struct yaml *y)
{
	for (size_t i = 0; y != NULL && i < y->n_nodes; i++)
		if (y->nodes[i]->scalar != NULL)
			explicit_bzero(y->nodes[i]->scalar, strlen(y->nodes[i]->scalar));
	if (y != NULL)
		yaml_destroy(y);
}

void cloud_files_free(struct cloud_files *f)
{
	wipe(f->clouds);
	wipe(f->secure);
	wipe(f->vendor);
	strv_free(&f->searched);
	*f = (struct cloud_files){0};
}

static struct yaml_node *entry(const struct yaml *y, const char *top, const char *name)
{
	return y != NULL ? yaml_get(yaml_get(y->root, top), name) : NULL;
}

static const char *variable(char *const *environment, const char *name)
{
	size_t n = strlen(name);

	for (; *environment != NULL; environment++)
		if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=' && (*environment)[n + 1] != '\0')
			return *environment + n + 1;
	return NULL;
}

/* OS_USER_DOMAIN_NAME=x is user_domain_name: x; the keys of "auth" are found at the top as well. */
static int from_environment(char *const *environment, struct cloud_config **ret, struct error **err)
{
	CLEANUP_SETTINGS struct settings s = SETTINGS_INIT;

	for (; *environment != NULL; environment++) {
		const char *equals = strchr(*environment, '=');
		CLEANUP_FREE char *key = NULL;

		if (strncmp(*environment, "OS_", 3) != 0 || equals == NULL || equals[1] == '\0')
			continue;
		key = xstrndup(*environment + 3, (size_t)(equals - *environment) - 3);
		for (char *p = key; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		settings_set(&s, key, equals + 1);
	}
	return cloud_config_read(&s, "", "the OS_* variables", ret, err);
}

static int no_such_cloud(const struct yaml *y, const char *name, struct error **err)
{
	const struct yaml_node *clouds = yaml_get(y->root, "clouds");
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL, *meant = NULL;

	for (size_t i = 0; clouds != NULL && clouds->type == YAML_MAP && i < clouds->n; i++)
		strv_add(&names, clouds->keys[i]);
	if (names.n == 0)
		return error_set(err, ERROR_CONFIG,
				 "%s: there is no cloud \"%s\" in it, nor any other (expected the key \"clouds\")", y->name,
				 name);
	all = strv_join(&names, ", ");
	meant = str_meant(name, &names);
	return error_set(err, ERROR_CONFIG, "%s: there is no cloud \"%s\" in it%s (there are: %s)", y->name, name, meant, all);
}

static int no_file(const struct cloud_files *files, struct error **err)
{
	CLEANUP_FREE char *searched = strv_join(&files->searched, ", ");

	return error_set(
		err, ERROR_CONFIG,
		"no clouds.yaml was found and OS_AUTH_URL is not set: looked for %s. Name the file by OS_CLIENT_CONFIG_FILE",
		searched);
}

/* The values of the region that region_name names, else of the first of "regions". */
static int lay_region(struct settings *s, const char *source, struct error **err)
{
	const char *wanted = settings_get(s, "region_name");
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL;

	for (size_t i = 0;; i++) {
		CLEANUP_FREE char *prefix = xasprintf("regions[%zu]", i), *name_key = xasprintf("%s.name", prefix);
		CLEANUP_FREE char *values = xasprintf("%s.values.", prefix);
		const char *name = settings_get(s, prefix);
		CLEANUP_SETTINGS struct settings over = SETTINGS_INIT;

		if (name == NULL)
			name = settings_get(s, name_key);
		if (name == NULL)
			break;
		strv_add(&names, name);
		if (wanted != NULL && strcmp(wanted, name) != 0)
			continue;
		settings_set(&over, "region_name", name);
		settings_lay(&over, s, values);
		settings_lay(s, &over, "");
		return 0;
	}
	if (names.n == 0)
		return 0;
	all = strv_join(&names, ", ");
	return error_set(err, ERROR_CONFIG, "%s: region_name \"%s\" is not among its regions: %s", source, wanted, all);
}

static int from_files(const struct cloud_files *files, const char *name, struct cloud_config **ret, struct error **err)
{
	struct yaml_node *cloud = entry(files->clouds, "clouds", name), *profile_node;
	CLEANUP_SETTINGS struct settings own = SETTINGS_INIT, all = SETTINGS_INIT;
	CLEANUP_FREE char *source = NULL;
	const char *profile;

	if (cloud == NULL)
		return no_such_cloud(files->clouds, name, err);
	if (cloud->type != YAML_MAP)
		return yaml_error(files->clouds, cloud, err, "cloud \"%s\": expected a map, found %s", name,
				  yaml_type_name(cloud));
	source = xasprintf("cloud \"%s\" of %s", name, files->clouds->name);
	settings_lay_yaml(&own, "", cloud);
	settings_lay_yaml(&own, "", entry(files->secure, "clouds", name));
	profile = settings_get(&own, "profile");
	if (profile == NULL)
		profile = settings_get(&own, "cloud");
	if (profile != NULL) {
		profile_node = entry(files->vendor, "public-clouds", profile);
		if (profile_node == NULL)
			return error_set(err, ERROR_CONFIG,
					 "%s: its profile \"%s\" is not in a clouds-public.yaml: write the profile's auth_url "
					 "and regions into the cloud",
					 source, profile);
		settings_lay_yaml(&all, "", profile_node);
	}
	settings_lay(&all, &own, "");
	if (lay_region(&all, source, err) < 0)
		return -1;
	return cloud_config_read(&all, name, source, ret, err);
}

int cloud_config_choose(const struct cloud_files *files, char *const *environment, const char *name, struct cloud_config **ret,
			struct error **err)
{
	const struct yaml_node *clouds;

	if (name == NULL)
		name = variable(environment, "OS_CLOUD");
	if (name == NULL && variable(environment, "OS_AUTH_URL") != NULL)
		return from_environment(environment, ret, err);
	if (files->clouds == NULL)
		return no_file(files, err);
	if (name != NULL)
		return from_files(files, name, ret, err);
	clouds = yaml_get(files->clouds->root, "clouds");
	if (clouds != NULL && clouds->type == YAML_MAP && clouds->n == 1)
		return from_files(files, clouds->keys[0], ret, err);
	error_set(err, ERROR_CONFIG, "no cloud was named (openstack.cloud in the cluster file, or OS_CLOUD)");
	if (clouds != NULL && clouds->type == YAML_MAP && clouds->n > 1) {
		CLEANUP_STRV struct strv names = STRV_INIT;
		CLEANUP_FREE char *all = NULL;

		for (size_t i = 0; i < clouds->n; i++)
			strv_add(&names, clouds->keys[i]);
		all = strv_join(&names, ", ");
		error_clear(err);
		return error_set(err, ERROR_CONFIG,
				 "no cloud was named (openstack.cloud in the cluster file, or OS_CLOUD); %s has: %s",
				 files->clouds->name, all);
	}
	return -1;
}

int cloud_config_load(const char *name, struct cloud_config **ret, struct error **err)
{
	CLEANUP(cloud_files_free) struct cloud_files files = {0};

	if (cloud_files_load(&files, err) < 0)
		return -1;
	return cloud_config_choose(&files, environ, name, ret, err);
}

/* The certificates alone: such a file may hold a key as well. */
static char *certificates(const char *text)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	struct buf out = BUF_INIT;
	const char *to;

	while ((text = strstr(text, begin)) != NULL && (to = strstr(text, end)) != NULL) {
		to += strlen(end);
		buf_addf(&out, "%.*s\n", (int)(to - text), text);
		text = to;
	}
	return buf_steal(&out);
}

int cloud_authority(const char *name, char **ret, struct error **err)
{
	CLEANUP_CLOUD_CONFIG struct cloud_config *c = NULL;
	CLEANUP_FREE char *path = NULL;
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (cloud_config_load(name, &c, err) < 0)
		return -1;
	*ret = NULL;
	if (c->cacert == NULL || c->insecure)
		return 0;
	path = path_expand(c->cacert);
	if (path_read(path, &text, err) < 0)
		return error_wrap(err, "%s: read cacert", c->source);
	*ret = certificates(buf_str(&text));
	return 0;
}
