#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/net/limiter.h"
#include "provision/catalog.h"
#include "provision/cloud_private.h"

enum { LOGIN_MS = 150 * 1000 };

/* How many requests at a time each service gets at first: neutron and cinder lock rows of their databases for what they create. */
static const unsigned widths[CLOUD_SERVICES] = {
	[CLOUD_IDENTITY] = 4, [CLOUD_COMPUTE] = 8,	 [CLOUD_NETWORK] = 4,	[CLOUD_IMAGE] = 8,
	[CLOUD_VOLUME] = 4,   [CLOUD_LOAD_BALANCER] = 4, [CLOUD_PLACEMENT] = 8,   [CLOUD_OBJECT_STORE] = 4,
};

static int make_client(struct cloud *c, struct error **err)
{
	struct http_options options = {
		.ca_file = c->config->cacert,
		.insecure = c->config->insecure,
		.client_cert = c->config->cert,
		.client_key = c->config->key != NULL ? c->config->key : c->config->cert, /* both may be in one file */
	};

	if (http_new(&options, &c->http, err) < 0)
		return error_wrap(err, "%s", c->config->source);
	for (size_t i = 0; i < CLOUD_SERVICES; i++)
		limiter_begin_with(http_limiter(c->http), cloud_service_name((enum cloud_service)i), widths[i]);
	return 0;
}

static bool is_elsewhere(const char *url, const char *before)
{
	return before == NULL || strcmp(url, before) != 0;
}

/* Under the lock: a later login's catalog may name other addresses.  What it no longer has stays where it was. */
static void move_endpoints(struct json_object *catalog, void *context)
{
	struct cloud *c = context;

	for (size_t i = 0; i < CLOUD_SERVICES; i++) {
		enum cloud_service service = (enum cloud_service)i;
		CLEANUP_FREE char *url = NULL;

		if (service == CLOUD_IDENTITY || catalog_find(catalog, c->config, service, &url, NULL) < 0 ||
		    !is_elsewhere(url, c->endpoints[i]))
			continue;
		log_verbose("the %s service is at %s now", cloud_service_name(service), url);
		free(c->endpoints[i]);
		c->endpoints[i] = steal_ptr(url);
	}
}

char *cloud_endpoint(struct cloud *c, enum cloud_service service)
{
	char *url;

	pthread_mutex_lock(&c->lock);
	c->catalog = auth_catalog(c->auth, c->catalog, move_endpoints, c);
	url = xstrdup(c->endpoints[service]);
	pthread_mutex_unlock(&c->lock);
	return url;
}

static void find_endpoints(struct cloud *c)
{
	const struct session *session = auth_first(c->auth);

	for (size_t i = 0; i < CLOUD_SERVICES; i++) {
		enum cloud_service service = (enum cloud_service)i;

		if (service == CLOUD_IDENTITY && c->config->services[i].endpoint_override == NULL)
			c->endpoints[i] = xstrdup(auth_base(c->auth)); /* it has answered, unlike the catalog's */
		else if (catalog_find(session->catalog, c->config, service, &c->endpoints[i], &c->missing[i]) < 0)
			log_debug("%s", error_message(c->missing[i]));
	}
}

static int check_scope(const struct cloud *c, struct error **err)
{
	const struct session *session = auth_first(c->auth);

	if (session->project_id == NULL)
		return error_set(err, ERROR_CONFIG, "%s: the login gave a token without a project: set auth.project_name",
				 c->config->source);
	if (json_len(session->catalog) == 0)
		return error_set(err, ERROR_CONFIG,
				 "%s: keystone gave an empty catalog for this project: no service has an endpoint",
				 c->config->source);
	return 0;
}

/* A region or an interface that none has is a mistake in clouds.yaml: say so now, not at the first call. */
static int check_endpoints(const struct cloud *c, struct error **err)
{
	for (size_t i = 0; i < CLOUD_SERVICES; i++)
		if (i != CLOUD_IDENTITY && c->endpoints[i] != NULL)
			return 0;
	return error_set(err, ERROR_CONFIG, "%s", error_message(c->missing[CLOUD_COMPUTE]));
}

int cloud_open(const char *name, struct cloud **ret, struct error **err)
{
	CLEANUP_CLOUD struct cloud *c = xnew(struct cloud);
	CLEANUP_FREE char *uuid = random_uuid();

	pthread_mutex_init(&c->lock, NULL);
	c->catalog = 1;
	c->request_id = xasprintf("req-%s", uuid);
	if (cloud_config_load(name, &c->config, err) < 0 || make_client(c, err) < 0)
		return -1;
	if (c->config->insecure)
		log_warning("%s: it says insecure: whoever stands between this machine and the cloud can read and change everything; "
			    "name the file of its authority as cacert instead", c->config->source);
	log_verbose("using %s; requests bear the id %s", c->config->source, c->request_id);
	if (auth_new(c->http, c->config, c->request_id, clock_deadline(LOGIN_MS), &c->auth, err) < 0 || check_scope(c, err) < 0)
		return -1;
	find_endpoints(c);
	if (check_endpoints(c, err) < 0)
		return -1;
	*ret = steal_ptr(c);
	return 0;
}

void cloud_close(struct cloud *c)
{
	if (c == NULL)
		return;
	auth_free(c->auth);
	http_free(c->http);
	for (size_t i = 0; i < CLOUD_SERVICES; i++) {
		free(c->endpoints[i]);
		error_free(c->missing[i]);
	}
	cloud_config_free(c->config);
	pthread_mutex_destroy(&c->lock);
	free(c->request_id);
	free(c);
}

void cloud_close_ptr(struct cloud **c)
{
	cloud_close(*c);
	*c = NULL;
}

bool cloud_has(struct cloud *c, enum cloud_service service)
{
	CLEANUP_FREE char *url = cloud_endpoint(c, service);

	return url != NULL;
}

const char *cloud_project_id(struct cloud *c)
{
	return auth_first(c->auth)->project_id;
}

const char *cloud_user_id(struct cloud *c)
{
	return auth_first(c->auth)->user_id;
}

const char *cloud_auth_url(struct cloud *c)
{
	return auth_base(c->auth);
}

const char *cloud_region(struct cloud *c)
{
	return c->config->region;
}

const char *cloud_application_credential(struct cloud *c)
{
	const struct cloud_config *config = c->config;

	if (config->type != AUTH_APPLICATION_CREDENTIAL)
		return NULL;
	return config->application_credential_id != NULL ? config->application_credential_id : config->application_credential_name;
}

const struct strv *cloud_roles(struct cloud *c)
{
	return &auth_first(c->auth)->roles;
}

bool cloud_is_restricted(struct cloud *c)
{
	return auth_first(c->auth)->restricted;
}

bool cloud_clock_skew(struct cloud *c, int64_t *ret_ms)
{
	*ret_ms = auth_first(c->auth)->clock_skew_ms;
	return auth_first(c->auth)->clock_known;
}

char *cloud_describe(struct cloud *c)
{
	const struct session *s = auth_first(c->auth);

	return xasprintf("%s, project %s, region %s", c->config->source,
			 s->project_name != NULL ? s->project_name : s->project_id,
			 c->config->region != NULL ? c->config->region : "(any)");
}

const char *cloud_external_network(struct cloud *c)
{
	return c->config->external_network;
}

uint64_t cloud_requests(struct cloud *c)
{
	return http_requests(c->http);
}
