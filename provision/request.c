/* request: one call of a service and whole collections, over the cloud's one client. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "provision/answer.h"
#include "provision/catalog.h"
#include "provision/cloud_private.h"

enum {
	CALL_MS = 10 * 60 * 1000,
	WRITE_MARGIN_MS = 10 * 60 * 1000, /* services go on with the caller's token after they have answered */
	PAGES_MAX = 10000,
	RESTARTS_MAX = 3,
	IMAGE_PAGE = 500 /* glance gives 25 unless asked */
};

static bool is_read(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static void add_microversion(struct strv *headers, enum cloud_service service, const char *version)
{
	switch (service) {
	case CLOUD_COMPUTE: /* the second is what nova before 2.27 knows */
		strv_addf(headers, "OpenStack-API-Version: compute %s", version);
		strv_addf(headers, "X-OpenStack-Nova-API-Version: %s", version);
		break;
	case CLOUD_VOLUME:
		strv_addf(headers, "OpenStack-API-Version: volume %s", version);
		break;
	default:
		strv_addf(headers, "OpenStack-API-Version: %s %s", cloud_service_name(service), version);
	}
}

/* One request with this token, repeated by its class. */
static int perform(struct cloud *c, const struct cloud_call *call, const char *body, const char *token, int64_t deadline,
		   struct http_response *ret, struct error **err)
{
	CLEANUP_FREE char *endpoint = cloud_endpoint(c, call->service);
	CLEANUP_FREE char *root = call->unversioned ? catalog_root(endpoint) : xstrdup(endpoint);
	CLEANUP_FREE char *url = xasprintf("%s%s", root, call->path);
	CLEANUP_STRV struct strv headers = STRV_INIT;
	struct http_request request = {
		.method = call->method,
		.url = url,
		.service = cloud_service_name(call->service),
		.headers = &headers,
		.body = body,
		.body_len = body != NULL ? strlen(body) : 0,
		.timeout_ms = c->config->api_timeout_ms,
		.follow = is_read(call->method),
	};
	int r;

	strv_addf(&headers, "X-Auth-Token: %s", token);
	strv_add(&headers, "Accept: application/json");
	strv_addf(&headers, "X-Openstack-Request-Id: %s", c->request_id);
	if (body != NULL)
		strv_add(&headers, "Content-Type: application/json");
	if (call->microversion != NULL)
		add_microversion(&headers, call->service, call->microversion);
	r = retry_perform(c->http, &request, call->retry, deadline, ret, err);
	explicit_bzero(headers.v[0], strlen(headers.v[0]));
	return r;
}

/* With the token that all share; when the service refuses it, once more with a new one. */
static int perform_logged_in(struct cloud *c, const struct cloud_call *call, int64_t deadline, struct http_response *ret,
			     struct error **err)
{
	const char *body =
		call->body != NULL
			? json_object_to_json_string_ext(call->body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
			: NULL;
	CLEANUP_SECRET char *token = NULL, *newer = NULL;
	bool maybe_applied;

	if (auth_token(c->auth, strcmp(call->method, "POST") == 0 ? WRITE_MARGIN_MS : 0, deadline, &token, err) < 0 ||
	    perform(c, call, body, token, deadline, ret, err) < 0)
		return -1;
	if (ret->status != 401)
		return 0;
	maybe_applied = ret->maybe_applied;
	log_verbose("%s %s: the token was refused, logging in again", call->method, call->path);
	if (auth_renew(c->auth, token, deadline, &newer, err) < 0)
		return -1;
	http_response_free(ret);
	if (perform(c, call, body, newer, deadline, ret, err) < 0) {
		ret->maybe_applied = ret->maybe_applied || maybe_applied;
		return -1;
	}
	ret->maybe_applied = ret->maybe_applied || maybe_applied;
	return 0;
}

/* The body of a good answer. */
static int read_body(const struct cloud_call *call, const char *what, const struct http_response *r, struct json_object **ret,
		     struct error **err)
{
	const char *type = http_header(r, "content-type");

	if (r->body.len == 0 || json_parse(r->body.data, r->body.len, what, ret, NULL) == 0)
		return 0;
	/* what was accepted may say so in words; a page with status 200 is of somebody in between: no service answers a deletion by that */
	if (strcmp(call->method, "DELETE") == 0 && r->status != 200)
		return 0;
	return error_set(err, ERROR_REMOTE,
			 "%s: the %s service answered HTTP %d with something that is not JSON (%s): is a proxy in between?", what,
			 cloud_service_name(call->service), r->status, type != NULL ? type : "of no type");
}

static bool is_welcome(const struct cloud_call *call, const struct http_response *r)
{
	CLEANUP(answer_fault_free) struct answer_fault fault = {0};

	if (r->status == 404)
		return call->not_found_ok || (strcmp(call->method, "DELETE") == 0 && r->tries > 1);
	if (r->status != 409 || !call->conflict_ok)
		return false;
	answer_fault(r->body.data, r->body.len, &fault); /* neutron's 409 may be a quota: nothing exists then */
	return answer_kind(call->service, r->status, &fault) == ERROR_CONFLICT;
}

static int conclude(const struct cloud_call *call, const char *what, const struct http_response *r, struct json_object **ret,
		    bool *ret_ambiguous, struct error **err)
{
	if (is_welcome(call, r))
		return 0;
	if (r->status / 100 == 2 || (r->status == 300 && is_read(call->method))) {
		if (read_body(call, what, r, ret, err) == 0)
			return 0;
		*ret_ambiguous = !is_read(call->method);
		return -1;
	}
	*ret_ambiguous = r->maybe_applied && !is_read(call->method);
	return answer_error(what, call->service, r, err);
}

int cloud_call(struct cloud *c, const struct cloud_call *call, struct json_object **ret, int *ret_status, bool *ret_ambiguous,
	       struct error **err)
{
	CLEANUP_HTTP_RESPONSE struct http_response r = HTTP_RESPONSE_INIT;
	CLEANUP_FREE char *fallback = xasprintf("%s %s", call->method, call->path);
	const char *what = call->what != NULL ? call->what : fallback;
	int64_t deadline = call->deadline != 0 ? call->deadline : clock_deadline(CALL_MS);
	CLEANUP_JSON struct json_object *answer = NULL;
	bool ambiguous = false;
	int result;

	if (!cloud_has(c, call->service)) {
		result = error_set(err, error_kind(c->missing[call->service]), "%s: %s", what,
				   error_message(c->missing[call->service]));
	} else if (perform_logged_in(c, call, deadline, &r, err) < 0) {
		ambiguous = r.maybe_applied && !is_read(call->method);
		result = error_wrap(err, "%s", what);
	} else {
		result = conclude(call, what, &r, &answer, &ambiguous, err);
	}
	if (ret_ambiguous != NULL)
		*ret_ambiguous = ambiguous;
	if (ret_status != NULL)
		*ret_status = r.status;
	if (result == 0 && ret != NULL)
		*ret = steal_ptr(answer);
	return result;
}

/* ---- collections ---- */

static int add_page(struct json_object *page, const char *path, const char *key, struct json_object *all, struct error **err)
{
	struct json_object *members = NULL;

	if (page == NULL)
		return error_set(err, ERROR_REMOTE, "GET %s: an empty answer where \"%s\" was expected", path, key);
	if (json_need_array(page, key, &members, err) < 0)
		return error_wrap(err, "GET %s: the answer's", path);
	for (size_t i = 0; i < json_len(members); i++)
		json_object_array_add(all, json_object_get(json_object_array_get_idx(members, i)));
	return 0;
}

/* The path of the next page: what was asked first, with the query that the service wants. */
static char *next_path(struct json_object *page, const char *path, const char *key)
{
	CLEANUP_FREE char *query = answer_next_query(page, key);

	return query != NULL ? xasprintf("%.*s?%s", (int)strcspn(path, "?"), path, query) : NULL;
}

struct listing {
	struct cloud *cloud;
	enum cloud_service service;
	const char *path, *key, *microversion;
	int64_t deadline;
};

/* One walk over all pages. *ret_lost: the member that a page began behind has gone meanwhile. */
static int walk(const struct listing *l, struct json_object **ret, bool *ret_lost, struct error **err)
{
	CLEANUP_JSON struct json_object *all = json_object_new_array();
	CLEANUP_FREE char *path = xstrdup(l->path);
	CLEANUP_STRV struct strv seen = STRV_INIT;

	while (path != NULL) {
		struct cloud_call call = {.service = l->service,
					  .method = "GET",
					  .path = path,
					  .microversion = l->microversion,
					  .retry = RETRY_A,
					  .deadline = l->deadline};
		CLEANUP_JSON struct json_object *page = NULL;
		int status = 0;

		if (strv_has(&seen, path) || seen.n == PAGES_MAX)
			return error_set(
				err, ERROR_REMOTE,
				"GET %s: the service's pages go round in a circle (the %zuth is one that was read before)",
				l->path, seen.n + 1);
		strv_add(&seen, path);
		if (cloud_call(l->cloud, &call, &page, &status, NULL, err) < 0) {
			*ret_lost = seen.n > 1 && (status == 400 || status == 404);
			return -1;
		}
		if (add_page(page, path, l->key, all, err) < 0)
			return -1;
		free(path);
		path = next_path(page, l->path, l->key);
	}
	*ret = steal_ptr(all);
	return 0;
}

int cloud_list(struct cloud *c, enum cloud_service service, const char *path, const char *key, const char *microversion,
	       struct json_object **ret, struct error **err)
{
	bool wants_limit = service == CLOUD_IMAGE && strstr(path, "limit=") == NULL;
	CLEANUP_FREE char *limited = xasprintf("%s%climit=%d", path, strchr(path, '?') != NULL ? '&' : '?', IMAGE_PAGE);
	struct listing l = {c, service, wants_limit ? limited : path, key, microversion, clock_deadline(CALL_MS)};

	for (int i = 0;; i++) {
		CLEANUP_ERROR struct error *error = NULL;
		bool lost = false;

		if (walk(&l, ret, &lost, &error) == 0)
			return 0;
		if (!lost)
			return error_move(err, steal_ptr(error));
		if (i == RESTARTS_MAX) /* whatever the last page said of its marker: the collection is there */
			return error_set(err, ERROR_REMOTE, "GET %s: what its pages begin behind goes again and again: %s", path,
					 error_message(error));
		log_verbose("%s; reading all pages again", error_message(error));
	}
}
