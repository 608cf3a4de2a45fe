#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "provision/answer.h"
#include "provision/cloud_private.h"

enum { ALL_MS = 6 * 60 * 60 * 1000, TOKEN_MS = 10 * 60 * 1000 };

static int once(struct cloud *c, const struct cloud_bytes *b, const char *token, struct http_response *ret, struct error **err)
{
	CLEANUP_FREE char *endpoint = cloud_endpoint(c, CLOUD_OBJECT_STORE);
	CLEANUP_FREE char *url = xasprintf("%s%s", endpoint, b->path);
	CLEANUP_STRV struct strv headers = STRV_INIT;
	struct http_request request = {
		.method = b->method,
		.url = url,
		.service = cloud_service_name(CLOUD_OBJECT_STORE),
		.headers = &headers,
		.body = b->body,
		.body_len = b->len,
		.write = b->write,
		.write_context = b->context,
		.timeout_ms = ALL_MS,
		.stall_ms = c->config->api_timeout_ms,
	};
	int r;

	strv_addf(&headers, "X-Auth-Token: %s", token);
	strv_addf(&headers, "X-Openstack-Request-Id: %s", c->request_id);
	r = retry_perform(c->http, &request, b->write != NULL ? RETRY_NONE : RETRY_A, clock_deadline(ALL_MS), ret, err);
	explicit_bzero(headers.v[0], strlen(headers.v[0]));
	return r;
}

int cloud_bytes(struct cloud *c, const struct cloud_bytes *b, struct http_response *ret, struct error **err)
{
	CLEANUP_SECRET char *token = NULL, *newer = NULL;

	*ret = HTTP_RESPONSE_INIT;
	if (!cloud_has(c, CLOUD_OBJECT_STORE))
		return error_set(err, error_kind(c->missing[CLOUD_OBJECT_STORE]), "%s", error_message(c->missing[CLOUD_OBJECT_STORE]));
	if (auth_token(c->auth, TOKEN_MS, clock_deadline(ALL_MS), &token, err) < 0 || once(c, b, token, ret, err) < 0)
		return -1;
	if (ret->status != 401)
		return 0;
	if (auth_renew(c->auth, token, clock_deadline(ALL_MS), &newer, err) < 0)
		return -1;
	http_response_free(ret);
	return once(c, b, newer, ret, err);
}
