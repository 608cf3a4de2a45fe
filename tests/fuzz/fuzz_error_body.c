/* Bodies of failed requests, HTML, next links and login answers: one text as each of them. */
#include "core/base/alloc.h"
#include "provision/answer.h"
#include "provision/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_answer(const char *body, size_t len, int status)
{
	struct http_response r = {.outcome = HTTP_ANSWERED, .status = status};
	CLEANUP_ERROR struct error *err = NULL;
	struct session session = {0};

	buf_add_mem(&r.body, body, len);
	answer_error("create x", CLOUD_COMPUTE, &r, &err);
	strv_add(&r.headers, "x-subject-token: t");
	if (auth_parse(&r, 0, &session, NULL) == 0)
		session_free(&session);
	http_response_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {302, 400, 401, 403, 404, 409, 413, 500};
	CLEANUP_FREE char *text = xmemdup(data, size);
	CLEANUP_FREE char *stripped UNUSED = answer_strip_html(text, size), *query = NULL;
	CLEANUP_JSON struct json_object *o = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		as_answer(text, size, statuses[i]);
	if (size > 0 && json_parse(text, size, "page", &o, NULL) == 0)
		query = answer_next_query(o, "servers");
	return 0;
}
