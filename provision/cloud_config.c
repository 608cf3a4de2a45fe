#include "provision/cloud_config.h"
#include "core/base/alloc.h"
#include <assert.h>
#include <ctype.h>
#include <strings.h>

/* How the keys of one service begin in clouds.yaml: "volume_endpoint_override", "block_storage_…". */
static const char *const service_prefixes[CLOUD_SERVICES][4] = {
	[CLOUD_IDENTITY] = {"identity"},
	[CLOUD_COMPUTE] = {"compute"},
	[CLOUD_NETWORK] = {"network"},
	[CLOUD_IMAGE] = {"image"},
	[CLOUD_VOLUME] = {"block_storage", "volumev3", "volume", "block_store"},
	[CLOUD_LOAD_BALANCER] = {"load_balancer"},
	[CLOUD_PLACEMENT] = {"placement"},
	[CLOUD_OBJECT_STORE] = {"object_store"},
};

struct field {
	const char *key, *alias;
	size_t offset; /* in struct cloud_config (or service_config) */
};
#define FIELD(key, alias, member)                                                                                                \
	{                                                                                                                        \
		key, alias, offsetof(struct cloud_config, member)                                                                \
	}

/* Read from "auth", else from the top of the entry. */
static const struct field auth_fields[] = {
	FIELD("application_credential_id", NULL, application_credential_id),
	FIELD("application_credential_name", NULL, application_credential_name),
	FIELD("application_credential_secret", NULL, application_credential_secret),
	FIELD("auth_url", NULL, auth_url),
	FIELD("domain_id", NULL, domain_id),
	FIELD("domain_name", NULL, domain_name),
	FIELD("passcode", NULL, passcode),
	FIELD("password", NULL, password),
	FIELD("project_domain_id", "tenant_domain_id", project_domain_id),
	FIELD("project_domain_name", "tenant_domain_name", project_domain_name),
	FIELD("project_id", "tenant_id", project_id),
	FIELD("project_name", "tenant_name", project_name),
	FIELD("system_scope", NULL, system_scope),
	FIELD("token", "auth_token", token),
	FIELD("trust_id", NULL, trust_id),
	FIELD("user_domain_id", NULL, user_domain_id),
	FIELD("user_domain_name", NULL, user_domain_name),
	FIELD("user_id", NULL, user_id),
	FIELD("username", "user_name", username),
};

static const struct field top_fields[] = {
	FIELD("cacert", "ca_file", cacert),
	FIELD("cert", NULL, cert),
	FIELD("interface", "endpoint_type", interface),
	FIELD("key", NULL, key),
	FIELD("region_name", NULL, region),
};

static const struct field service_fields[] = {
	{"endpoint_override", "endpoint", offsetof(struct service_config, endpoint_override)},
	{"interface", "endpoint_type", offsetof(struct service_config, interface)},
	{"region_name", "region", offsetof(struct service_config, region)},
	{"service_type", NULL, offsetof(struct service_config, type)},
};

static const struct {
	const char *name;
	enum auth_type type;
} auth_types[] = {
	{"password", AUTH_PASSWORD},
	{"v3password", AUTH_PASSWORD},
	{"token", AUTH_TOKEN},
	{"v3token", AUTH_TOKEN},
	{"v3applicationcredential", AUTH_APPLICATION_CREDENTIAL},
};

const char *cloud_service_name(enum cloud_service service)
{
	static const char *const names[] = {
		[CLOUD_IDENTITY] = "identity",	   [CLOUD_COMPUTE] = "compute",
		[CLOUD_NETWORK] = "network",	   [CLOUD_IMAGE] = "image",
		[CLOUD_VOLUME] = "block-storage",  [CLOUD_LOAD_BALANCER] = "load-balancer",
		[CLOUD_PLACEMENT] = "placement",   [CLOUD_OBJECT_STORE] = "object-store",
	};
	static_assert(ARRAY_SIZE(names) == CLOUD_SERVICES, "each has a name");

	return names[service];
}

static char **member(void *base, const struct field *f)
{
	return (char **)((char *)base + f->offset);
}

static void read_services(const struct settings *s, struct cloud_config *c)
{
	for (size_t i = 0; i < CLOUD_SERVICES; i++)
		for (size_t p = 0; p < ARRAY_SIZE(service_prefixes[i]) && service_prefixes[i][p] != NULL; p++)
			for (size_t f = 0; f < ARRAY_SIZE(service_fields); f++) {
				const struct field *field = &service_fields[f];
				CLEANUP_FREE char *key = xasprintf("%s_%s", service_prefixes[i][p], field->key);
				CLEANUP_FREE char *alias = xasprintf("%s_%s", service_prefixes[i][p],
								     field->alias != NULL ? field->alias : field->key);
				const char *value = settings_get(s, key);
				char **m = member(&c->services[i], field);

				if (*m == NULL)
					*m = xstrdup(value != NULL ? value : settings_get(s, alias));
			}
}

static const char *lookup(const struct settings *s, const char *prefix, const struct field *f)
{
	CLEANUP_FREE char *key = xasprintf("%s%s", prefix, f->key);
	CLEANUP_FREE char *alias = xasprintf("%s%s", prefix, f->alias != NULL ? f->alias : f->key);
	const char *value = settings_get(s, key);

	return value != NULL ? value : settings_get(s, alias);
}

/* "publicURL", as older files have it, is "public". */
static int read_interface(char **interface, const char *source, struct error **err)
{
	static const char *const names[] = {"public", "internal", "admin"};

	if (*interface == NULL)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i]);

		if (strncasecmp(*interface, names[i], n) != 0 ||
		    ((*interface)[n] != '\0' && strcasecmp(*interface + n, "URL") != 0))
			continue;
		free(*interface);
		*interface = xstrdup(names[i]);
		return 0;
	}
	return error_set(err, ERROR_CONFIG, "%s: interface is \"%s\", expected public, internal or admin", source, *interface);
}

static int read_interfaces(struct cloud_config *c, struct error **err)
{
	if (c->interface == NULL)
		c->interface = xstrdup("public");
	for (size_t i = 0; i < CLOUD_SERVICES; i++)
		if (read_interface(&c->services[i].interface, c->source, err) < 0)
			return -1;
	return read_interface(&c->interface, c->source, err);
}

static void read_external_network(const struct settings *s, struct cloud_config *c)
{
	for (size_t i = 0; c->external_network == NULL; i++) {
		CLEANUP_FREE char *prefix = xasprintf("networks[%zu]", i), *flag = xasprintf("%s.routes_externally", prefix);
		CLEANUP_FREE char *name = xasprintf("%s.name", prefix);

		if (!settings_has_prefix(s, prefix))
			return;
		if (settings_bool(settings_get(s, flag), false))
			c->external_network = xstrdup(settings_get(s, name));
	}
}

static void default_to(char **value, const char *fallback)
{
	if (*value == NULL)
		*value = xstrdup(fallback);
}

/* One domain may be given for user and project: default_domain_*, and domain_* where there is a project. */
static void spread_domains(const struct settings *s, struct cloud_config *c)
{
	static const struct field id = {"default_domain_id", "default_domain", 0}, name = {"default_domain_name", NULL, 0};
	const char *default_id = lookup(s, "auth.", &id), *default_name = lookup(s, "auth.", &name);
	bool has_project = c->project_name != NULL || c->project_id != NULL;

	if (default_id == NULL)
		default_id = lookup(s, "", &id);
	if (default_name == NULL)
		default_name = lookup(s, "", &name);
	if (has_project && c->domain_id != NULL)
		default_id = c->domain_id;
	if (has_project && c->domain_name != NULL)
		default_name = c->domain_name;
	if (c->user_domain_id == NULL && c->user_domain_name == NULL) {
		default_to(&c->user_domain_id, default_id);
		default_to(&c->user_domain_name, default_id == NULL ? default_name : NULL);
	}
	if (c->project_domain_id == NULL && c->project_domain_name == NULL) {
		default_to(&c->project_domain_id, default_id);
		default_to(&c->project_domain_name, default_id == NULL ? default_name : NULL);
	}
	if (has_project) { /* the scope is the project, not the domain */
		free_ptr(&c->domain_id);
		free_ptr(&c->domain_name);
		c->domain_id = c->domain_name = NULL;
	}
}

static int read_auth_type(const struct settings *s, struct cloud_config *c, struct error **err)
{
	const char *type = settings_get(s, "auth_type");

	if (type == NULL) { /* not said: what the secrets are good for; "password" by openstacksdk's default */
		c->type = c->password != NULL			     ? AUTH_PASSWORD
			  : c->application_credential_secret != NULL ? AUTH_APPLICATION_CREDENTIAL
			  : c->token != NULL			     ? AUTH_TOKEN
								     : AUTH_PASSWORD;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(auth_types); i++)
		if (strcasecmp(type, auth_types[i].name) == 0) {
			c->type = auth_types[i].type;
			return 0;
		}
	return error_set(err, ERROR_CONFIG,
			 "%s: auth_type \"%s\" is not supported (password, token and v3applicationcredential are)", c->source,
			 type);
}

static int missing(const struct cloud_config *c, const char *what, const char *advice, struct error **err)
{
	CLEANUP_FREE char *variable = xasprintf("OS_%s", what);

	if (c->name[0] != '\0')
		return error_set(err, ERROR_CONFIG, "%s: auth.%s is missing%s", c->source, what, advice);
	for (char *p = variable; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return error_set(err, ERROR_CONFIG, "%s: %s is missing%s", c->source, variable, advice);
}

static const char *secret_advice(const struct cloud_config *c)
{
	return c->name[0] != '\0' ? " (is it in a secure.yaml that was not found?)" : "";
}

/* What keystone would refuse with a message that names no key. */
static int check(const struct cloud_config *c, struct error **err)
{
	bool no_user_domain = c->user_domain_id == NULL && c->user_domain_name == NULL;

	if (c->auth_url == NULL)
		return missing(c, "auth_url", " (the address of keystone, such as https://cloud.example.org:5000)", err);
	if (c->type == AUTH_TOKEN)
		return c->token == NULL ? missing(c, "token", "", err) : 0;
	if (c->type == AUTH_APPLICATION_CREDENTIAL) {
		if (c->application_credential_secret == NULL)
			return missing(c, "application_credential_secret", secret_advice(c), err);
		if (c->application_credential_id != NULL)
			return 0;
		if (c->application_credential_name == NULL)
			return missing(c, "application_credential_id", "", err);
	} else if (c->password == NULL) {
		return missing(c, "password", secret_advice(c), err);
	}
	if (c->user_id == NULL && c->username == NULL)
		return missing(c, "username", "", err);
	if (c->user_id == NULL && no_user_domain)
		return missing(c, "user_domain_name", " (in most clouds it is Default)", err);
	if (c->type == AUTH_PASSWORD && c->project_id == NULL && c->project_name != NULL && c->project_domain_id == NULL &&
	    c->project_domain_name == NULL)
		return missing(c, "project_domain_name", " (in most clouds it is Default)", err);
	return 0;
}

static int read_timeout(const struct settings *s, struct cloud_config *c, struct error **err)
{
	const char *text = settings_get(s, "api_timeout");
	char *end = NULL;
	double seconds;

	if (text == NULL)
		return 0;
	seconds = strtod(text, &end);
	if (*end != '\0' || !(seconds > 0 && seconds < 86400))
		return error_set(err, ERROR_CONFIG, "%s: api_timeout is \"%s\", expected a number of seconds", c->source, text);
	c->api_timeout_ms = (int64_t)(seconds * 1000);
	return 0;
}

int cloud_config_read(const struct settings *s, const char *name, const char *source, struct cloud_config **ret,
		      struct error **err)
{
	CLEANUP_CLOUD_CONFIG struct cloud_config *c = xnew(struct cloud_config);

	c->name = xstrdup(name);
	c->source = xstrdup(source);
	for (size_t i = 0; i < ARRAY_SIZE(auth_fields); i++) {
		const char *value = lookup(s, "auth.", &auth_fields[i]);

		*member(c, &auth_fields[i]) = xstrdup(value != NULL ? value : lookup(s, "", &auth_fields[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(top_fields); i++)
		*member(c, &top_fields[i]) = xstrdup(lookup(s, "", &top_fields[i]));
	read_services(s, c);
	spread_domains(s, c);
	read_external_network(s, c);
	c->insecure = settings_bool(settings_get(s, "insecure"), false) || !settings_bool(settings_get(s, "verify"), true);
	if (read_auth_type(s, c, err) < 0 || read_interfaces(c, err) < 0 || read_timeout(s, c, err) < 0 || check(c, err) < 0)
		return -1;
	*ret = steal_ptr(c);
	return 0;
}

void cloud_config_free(struct cloud_config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(auth_fields); i++)
		secret_free(*member(c, &auth_fields[i]));
	for (size_t i = 0; i < ARRAY_SIZE(top_fields); i++)
		free(*member(c, &top_fields[i]));
	for (size_t i = 0; i < CLOUD_SERVICES; i++)
		for (size_t f = 0; f < ARRAY_SIZE(service_fields); f++)
			free(*member(&c->services[i], &service_fields[f]));
	free(c->name);
	free(c->source);
	free(c->external_network);
	free(c);
}

void cloud_config_free_ptr(struct cloud_config **c)
{
	cloud_config_free(*c);
	*c = NULL;
}
