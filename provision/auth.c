#include "provision/auth.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/cond.h"
#include "core/base/log.h"
#include "core/net/mask.h"
#include "core/net/retry.h"
#include "provision/answer.h"
#include "provision/catalog.h"
#include <time.h>

enum { MARGIN_MS = 120 * 1000 };

struct auth {
	struct http *http;
	const struct cloud_config *config;
	const char *request_id;
	char *base;
	struct session first;
	struct cond renewed; /* locks what follows */
	bool renewing;
	uint64_t failures; /* renewals that failed */
	uint64_t logins;   /* that did not */
	struct session now;
	enum error_kind failure_kind; /* of the last one */
	char *failure;
};

void session_free(struct session *s)
{
	secret_free(s->token);
	free(s->project_id);
	free(s->project_name);
	free(s->user_id);
	json_object_put(s->catalog);
	strv_free(&s->roles);
	*s = (struct session){0};
}

/* ---- the request ---- */

static void add_pair(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "%s\"%s\":", b->len > 0 && b->data[b->len - 1] != '{' ? "," : "", key);
	buf_add_json(b, value);
}

/* "name":…,"domain":{…}, or the id where there is one: it needs no domain. */
static void add_named(struct buf *b, const char *id, const char *name, const char *domain_id, const char *domain_name)
{
	if (id != NULL) {
		add_pair(b, "id", id);
		return;
	}
	add_pair(b, "name", name);
	if (domain_id == NULL && domain_name == NULL)
		return;
	buf_add(b, ",\"domain\":{");
	add_pair(b, domain_id != NULL ? "id" : "name", domain_id != NULL ? domain_id : domain_name);
	buf_add(b, "}");
}

static void add_user(struct buf *b, const struct cloud_config *c, const char *secret_key, const char *secret)
{
	buf_add(b, "\"user\":{");
	add_named(b, c->user_id, c->username, c->user_domain_id, c->user_domain_name);
	if (secret != NULL)
		add_pair(b, secret_key, secret);
	buf_add(b, "}");
}

static void add_scope(struct buf *b, const struct cloud_config *c)
{
	if (c->trust_id != NULL) {
		buf_add(b, ",\"scope\":{\"OS-TRUST:trust\":{");
		add_pair(b, "id", c->trust_id);
	} else if (c->project_id != NULL || c->project_name != NULL) {
		buf_add(b, ",\"scope\":{\"project\":{");
		add_named(b, c->project_id, c->project_name, c->project_domain_id, c->project_domain_name);
	} else if (c->domain_id != NULL || c->domain_name != NULL) {
		buf_add(b, ",\"scope\":{\"domain\":{");
		add_named(b, c->domain_id, c->domain_name, NULL, NULL);
	} else if (c->system_scope != NULL) {
		buf_add(b, ",\"scope\":{\"system\":{\"all\":true");
	} else {
		return;
	}
	buf_add(b, "}}");
}

static void add_application_credential(struct buf *b, const struct cloud_config *c)
{
	buf_add(b, "\"methods\":[\"application_credential\"],\"application_credential\":{");
	if (c->application_credential_id != NULL) {
		add_pair(b, "id", c->application_credential_id);
	} else {
		add_pair(b, "name", c->application_credential_name);
		buf_add(b, ",");
		add_user(b, c, NULL, NULL);
	}
	add_pair(b, "secret", c->application_credential_secret);
	buf_add(b, "}}");
}

void auth_body(const struct cloud_config *c, struct buf *ret)
{
	buf_add(ret, "{\"auth\":{\"identity\":{");
	switch (c->type) {
	case AUTH_APPLICATION_CREDENTIAL: /* it carries its project: a scope would be refused */
		add_application_credential(ret, c);
		break;
	case AUTH_TOKEN:
		buf_add(ret, "\"methods\":[\"token\"],\"token\":{");
		add_pair(ret, "id", c->token);
		buf_add(ret, "}}");
		add_scope(ret, c);
		break;
	case AUTH_PASSWORD:
		buf_addf(ret, "\"methods\":[\"password\"%s],\"password\":{", c->passcode != NULL ? ",\"totp\"" : "");
		add_user(ret, c, "password", c->password);
		buf_add(ret, "}");
		if (c->passcode != NULL) {
			buf_add(ret, ",\"totp\":{");
			add_user(ret, c, "passcode", c->passcode);
			buf_add(ret, "}");
		}
		buf_add(ret, "}");
		add_scope(ret, c);
		break;
	}
	buf_add(ret, "}}");
}

/* ---- the answer ---- */

/* "2026-11-22T16:48:17.000000Z" in milliseconds, -1 where it is no time. */
static int64_t parse_time(const char *s)
{
	int64_t ms = 0;

	return s != NULL && clock_parse(s, &ms) ? ms : -1;
}

/* Keystone's clock against this machine's: by HTTP's date (RFC 9110, 5.6.7), else by when it made the token, if it made one now. */
static bool compare_clocks(const struct http_response *r, int64_t issued_ms, int64_t *ret_skew_ms)
{
	const char *date = http_header(r, "date");
	struct tm tm = {0};
	int64_t theirs = r->status == 201 ? issued_ms : -1;

	if (date != NULL && strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm) != NULL)
		theirs = (int64_t)timegm(&tm) * 1000;
	*ret_skew_ms = theirs - clock_wall_ms() / 1000 * 1000;
	return theirs >= 0;
}

static void list_roles(struct json_object *roles, struct strv *ret)
{
	for (size_t i = 0; i < json_len(roles); i++)
		strv_add(ret, json_get_str(json_object_array_get_idx(roles, i), "name", "?"));
	strv_sort(ret);
}

int auth_parse(const struct http_response *r, int64_t asked_ms, struct session *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;
	const char *token = http_header(r, "x-subject-token");
	struct json_object *t = NULL, *catalog;
	int64_t expires, issued;

	if (token == NULL || token[0] == '\0')
		return error_set(err, ERROR_REMOTE, "the answer has no X-Subject-Token: this is not keystone's version 3 API");
	if (json_parse(buf_str(&r->body), r->body.len, "the answer", &o, err) < 0 || json_need_object(o, "token", &t, err) < 0)
		return -1;
	expires = parse_time(json_get_str(t, "expires_at", NULL));
	issued = parse_time(json_get_str(t, "issued_at", NULL));
	/* Its life by keystone's own clock, counted on ours: a wrong clock here does no harm. */
	ret->life_ms = expires > issued && issued >= 0 ? expires - issued : 3600 * 1000;
	ret->ends_ms = asked_ms + ret->life_ms;
	ret->token = xstrdup(token);
	ret->project_id = xstrdup(json_get_str(t, "project.id", NULL));
	ret->project_name = xstrdup(json_get_str(t, "project.name", NULL));
	ret->user_id = xstrdup(json_get_str(t, "user.id", NULL));
	list_roles(json_at(t, "roles"), &ret->roles);
	ret->restricted = json_get_bool(t, "application_credential.restricted", false);
	ret->clock_known = compare_clocks(r, issued, &ret->clock_skew_ms);
	catalog = json_at(t, "catalog");
	ret->catalog = json_object_is_type(catalog, json_type_array) ? json_object_get(catalog) : NULL;
	return 0;
}

char *auth_url_v3(const char *auth_url)
{
	CLEANUP_FREE char *root = catalog_strip_version(auth_url);

	return xasprintf("%s/v3", root);
}

/* ---- logging in ---- */

static void who(const struct cloud_config *c, struct buf *b)
{
	const char *user_domain = c->user_domain_name != NULL ? c->user_domain_name : c->user_domain_id;
	const char *project = c->project_name != NULL ? c->project_name : c->project_id;

	if (c->type == AUTH_TOKEN)
		buf_add(b, "with a token");
	else if (c->type == AUTH_APPLICATION_CREDENTIAL)
		buf_addf(b, "with application credential \"%s\"",
			 c->application_credential_id != NULL ? c->application_credential_id : c->application_credential_name);
	else
		buf_addf(b, "as user \"%s\"", c->username != NULL ? c->username : c->user_id);
	if (c->type == AUTH_PASSWORD && user_domain != NULL)
		buf_addf(b, " of domain \"%s\"", user_domain);
	if (c->type != AUTH_APPLICATION_CREDENTIAL && project != NULL)
		buf_addf(b, " in project \"%s\"", project);
}

static const char *advice(const struct cloud_config *c)
{
	switch (c->type) {
	case AUTH_APPLICATION_CREDENTIAL:
		return "check its id and secret, and whether it was deleted or has expired";
	case AUTH_TOKEN:
		return "the token has ended or was revoked: get a new one";
	case AUTH_PASSWORD:
		break;
	}
	return "check user, password, domains and project";
}

/* Keystone's refusal in one message. */
static int refused(const struct auth *a, const struct http_response *r, struct error **err)
{
	CLEANUP_BUF struct buf context = BUF_INIT;
	CLEANUP_FREE char *url = mask_url(a->base);
	CLEANUP_ERROR struct error *error = NULL;

	buf_addf(&context, "log in to %s ", url);
	who(a->config, &context);
	answer_error(buf_str(&context), CLOUD_IDENTITY, r, &error);
	if (r->status == 404 && strstr(buf_str(&r->body), "Could not find Application Credential") != NULL)
		return error_set(err, ERROR_AUTH, "%s; from %s: %s", error_message(error), a->config->source, advice(a->config));
	if (r->status == 404 || r->status == 405 || r->status / 100 == 3)
		return error_set(err, ERROR_CONFIG, "%s; is auth_url (from %s) the address of keystone?", error_message(error),
				 a->config->source);
	if (error_is(error, ERROR_AUTH))
		return error_set(err, ERROR_AUTH, "%s; from %s: %s", error_message(error), a->config->source, advice(a->config));
	return error_move(err, steal_ptr(error));
}

/* A token without a scope asks for itself: that keeps the scope that it has. */
static bool asks_for_itself(const struct cloud_config *c)
{
	return c->type == AUTH_TOKEN && c->project_id == NULL && c->project_name == NULL && c->domain_id == NULL &&
	       c->domain_name == NULL && c->system_scope == NULL && c->trust_id == NULL;
}

static int ask(struct auth *a, int64_t deadline, struct http_response *ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf body = BUF_INIT;
	CLEANUP_STRV struct strv headers = STRV_INIT;
	CLEANUP_FREE char *url = xasprintf("%s/auth/tokens", a->base);
	struct http_request request = {
		.method = "POST",
		.url = url,
		.service = cloud_service_name(CLOUD_IDENTITY),
		.headers = &headers,
		.timeout_ms = a->config->api_timeout_ms,
	};
	int r;

	strv_add(&headers, "Accept: application/json");
	strv_addf(&headers, "X-Openstack-Request-Id: %s", a->request_id);
	if (asks_for_itself(a->config)) {
		request.method = "GET";
		strv_addf(&headers, "X-Auth-Token: %s", a->config->token);
		strv_addf(&headers, "X-Subject-Token: %s", a->config->token);
	} else {
		strv_add(&headers, "Content-Type: application/json");
		auth_body(a->config, &body);
		request.body = body.data;
		request.body_len = body.len;
	}
	/* Two tokens do no harm: a login may be repeated freely. */
	r = retry_perform(a->http, &request, RETRY_A, deadline, ret, err);
	for (size_t i = 0; i < headers.n; i++)
		explicit_bzero(headers.v[i], strlen(headers.v[i]));
	return r;
}

static int login(struct auth *a, int64_t deadline, struct session *ret, struct error **err)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	int64_t asked = clock_ms();

	if (ask(a, deadline, &r, err) < 0)
		return error_wrap(err, "log in to the cloud (auth_url from %s)", a->config->source);
	if (r.status != 200 && r.status != 201)
		return refused(a, &r, err);
	if (auth_parse(&r, asked, ret, err) < 0)
		return error_wrap(err, "log in to %s (auth_url from %s)", a->base, a->config->source);
	return 0;
}

/* auth_url + "/v3" is not there: where does the version document of auth_url say that version 3 is? */
static bool discover(struct auth *a, int64_t deadline)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_JSON struct json_object *document = NULL;
	CLEANUP_STRV struct strv headers = STRV_INIT;
	struct http_request request = {.url = a->config->auth_url, .headers = &headers, .follow = true};
	char *found;

	strv_add(&headers, "Accept: application/json");
	if (retry_perform(a->http, &request, RETRY_A, deadline, &r, NULL) < 0 ||
	    json_parse(buf_str(&r.body), r.body.len, "versions", &document, NULL) < 0)
		return false;
	found = catalog_version_url(document, "v3", a->config->auth_url);
	if (found == NULL || strcmp(found, a->base) == 0) {
		free(found);
		return false;
	}
	log_verbose("keystone's version 3 is at %s, says %s", found, a->config->auth_url);
	free(a->base);
	a->base = found;
	return true;
}

static void session_copy(struct session *to, const struct session *from)
{
	*to = *from;
	to->token = xstrdup(from->token);
	to->project_id = xstrdup(from->project_id);
	to->project_name = xstrdup(from->project_name);
	to->user_id = xstrdup(from->user_id);
	to->catalog = json_object_get(from->catalog);
	to->roles = STRV_INIT;
	strv_copy(&to->roles, &from->roles);
}

int auth_new(struct http *h, const struct cloud_config *c, const char *request_id, int64_t deadline, struct auth **ret,
	     struct error **err)
{
	struct auth *a = xnew(struct auth);
	CLEANUP_ERROR struct error *error = NULL;
	int r;

	a->http = h;
	a->config = c;
	a->request_id = request_id;
	a->base = auth_url_v3(c->auth_url);
	cond_init(&a->renewed);
	r = login(a, deadline, &a->first, &error);
	if (r < 0 && error_is(error, ERROR_CONFIG) && discover(a, deadline)) {
		error_clear(&error);
		r = login(a, deadline, &a->first, &error);
	}
	if (r < 0) {
		auth_free(a);
		return error_move(err, steal_ptr(error));
	}
	session_copy(&a->now, &a->first);
	a->logins = 1;
	*ret = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	session_free(&a->first);
	session_free(&a->now);
	cond_destroy(&a->renewed);
	free(a->base);
	free(a->failure);
	free(a);
}

const struct session *auth_first(const struct auth *a)
{
	return &a->first;
}

uint64_t auth_catalog(struct auth *a, uint64_t known, auth_look *look, void *context)
{
	uint64_t newest;

	cond_lock(&a->renewed);
	newest = a->logins;
	if (newest > known)
		look(a->now.catalog, context);
	cond_unlock(&a->renewed);
	return newest;
}

const char *auth_base(const struct auth *a)
{
	return a->base;
}

/* ---- renewal ---- */

/* Under the lock, which is released while keystone is asked. */
static int renew(struct auth *a, int64_t deadline, struct error **err)
{
	struct session fresh = {0};
	CLEANUP_ERROR struct error *error = NULL;
	int r;

	a->renewing = true;
	cond_unlock(&a->renewed);
	if (a->failure != NULL && a->failure_kind == ERROR_AUTH) /* asking again and again would lock the user out */
		r = error_set(&error, ERROR_AUTH, "%s", a->failure);
	else if (a->config->type == AUTH_TOKEN) /* keystone would give another one that ends at the same time */
		r = error_set(&error, ERROR_AUTH, "the token of %s has ended or was revoked: get a new one", a->config->source);
	else
		r = login(a, deadline, &fresh, &error);
	cond_lock(&a->renewed);
	a->renewing = false;
	cond_tell(&a->renewed);
	if (r < 0) {
		a->failures++;
		a->failure_kind = error_kind(error);
		free(a->failure);
		a->failure = xstrdup(error_message(error));
		return error_move(err, steal_ptr(error));
	}
	session_free(&a->now);
	a->now = fresh;
	a->logins++;
	return 0;
}

/* Under the lock: wait for the thread that renews, and share its failure. */
static int wait_for_other(struct auth *a, int64_t deadline, struct error **err)
{
	uint64_t failures = a->failures;

	while (a->renewing) {
		int r = cond_wait(&a->renewed, deadline, err);

		if (r < 0)
			return -1;
		if (r == 0)
			return error_set(err, ERROR_TIMEOUT, "the token was not renewed before the deadline");
	}
	return a->failures > failures ? error_set(err, a->failure_kind, "%s", a->failure) : 0;
}

/* How much must be left of the token; a short life is used up to its last third. */
static bool lasts(const struct session *s, int64_t margin_ms)
{
	int64_t margin = margin_ms > MARGIN_MS ? margin_ms : MARGIN_MS;

	if (margin > s->life_ms / 3)
		margin = s->life_ms / 3;
	return s->ends_ms - clock_ms() > margin;
}

int auth_token(struct auth *a, int64_t margin_ms, int64_t deadline, char **ret, struct error **err)
{
	CLEANUP_ERROR struct error *error = NULL;
	int r = 0;

	cond_lock(&a->renewed);
	if (a->config->type != AUTH_TOKEN && !lasts(&a->now, margin_ms)) {
		if (a->renewing)
			r = wait_for_other(a, deadline, &error);
		else
			r = renew(a, deadline, &error);
	}
	if (r < 0 && !error_is(error, ERROR_CANCELLED) && a->now.ends_ms > clock_ms()) {
		log_verbose("the token was not renewed, what is left of the old one is used: %s", error_message(error));
		r = 0;
	}
	if (r == 0)
		*ret = xstrdup(a->now.token);
	cond_unlock(&a->renewed);
	return r < 0 ? error_move(err, steal_ptr(error)) : 0;
}

int auth_renew(struct auth *a, const char *token, int64_t deadline, char **ret, struct error **err)
{
	int r = 0;

	cond_lock(&a->renewed);
	if (a->renewing)
		r = wait_for_other(a, deadline, err);
	if (r == 0 && strcmp(a->now.token, token) == 0) /* nobody has renewed it yet */
		r = renew(a, deadline, err);
	if (r == 0)
		*ret = xstrdup(a->now.token);
	cond_unlock(&a->renewed);
	return r;
}
