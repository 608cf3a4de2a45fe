#include "bootstrap/docker.h"
#include "bootstrap/remote.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include <stdlib.h>

#define SOCKET "/run/docker.sock"
#define API "http://docker/v1.44"
/* An engine that was just started asks the other managers before it answers; one that is unlocked may take half a minute. */
enum { CURL_TIMEOUT = 28, CURL_CONNECT = 7, SECONDS_MIN = 1, CALL_MS = 60 * 1000, SPARE_MS = 5000 };

static enum error_kind kind_of(int http)
{
	static const struct {
		int http;
		enum error_kind kind;
	} kinds[] = {{401, ERROR_AUTH}, {404, ERROR_NOT_FOUND}, {409, ERROR_CONFLICT}, {503, ERROR_NODE}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].http == http)
			return kinds[i].kind;
	return ERROR_REMOTE;
}

/* The status stands in a last line of its own. */
static int read_answer(const char *what, struct buf *out, struct json_object **ret, struct error **err)
{
	char *line = strrchr(buf_str(out), '\n');
	CLEANUP_JSON struct json_object *answer = NULL;
	int http = line != NULL ? (int)strtol(line + 1, NULL, 10) : 0;

	if (http == 0)
		return error_set(err, ERROR_REMOTE, "%s: the engine's answer cannot be read: \"%.80s\"", what, buf_str(out));
	buf_truncate(out, (size_t)(line - buf_str(out)));
	if (out->len > 0 && json_parse(buf_str(out), out->len, what, &answer, http < 300 ? err : NULL) < 0 && http < 300)
		return -1;
	if (http >= 300)
		return error_set(err, kind_of(http), "%s: HTTP %d: %s", what, http, json_get_str(answer, "message", buf_str(out)));
	if (ret != NULL)
		*ret = steal_ptr(answer);
	return 0;
}

static void add_command(const char *method, const char *path, bool body, int64_t deadline, struct buf *ret)
{
	CLEANUP_FREE char *url = xasprintf("%s%s", API, path);
	int64_t seconds = (deadline - clock_ms()) / 1000;

	buf_addf(ret, "sudo -n curl --silent --show-error --globoff --unix-socket %s --max-time %lld --request %s --write-out '\\n%%{http_code}' ", SOCKET,
		 (long long)(seconds < SECONDS_MIN ? SECONDS_MIN : seconds), method);
	if (body)
		buf_add(ret, "--header 'Content-Type: application/json' --data-binary @- ");
	buf_add_shell(ret, url);
}

int docker_call(struct ssh *s, const char *method, const char *path, struct json_object *body, int64_t deadline, struct json_object **ret,
		struct error **err)
{
	const char *in = body != NULL ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;
	CLEANUP_FREE char *what = xasprintf("docker %s %.*s", method, (int)strcspn(path, "?"), path), *words = NULL;
	CLEANUP_BUF struct buf command = BUF_INIT, errors = BUF_INIT;
	CLEANUP(buf_wipe) struct buf out = BUF_INIT; /* tokens */
	int64_t latest = clock_deadline(CALL_MS), end = deadline > 0 && deadline < latest ? deadline : latest;
	struct ssh_command c = {.in = in, .in_len = in != NULL ? strlen(in) : 0, .out = &out, .errors = &errors, .deadline = end + SPARE_MS};
	int status = 0;

	add_command(method, path, body != NULL, end, &command);
	c.command = buf_str(&command);
	if (ssh_run(s, &c, &status, err) < 0)
		return error_wrap(err, "%s", what);
	if (status == 0)
		return read_answer(what, &out, ret, err);
	words = remote_words(buf_str(&errors));
	return error_set(err, status == CURL_TIMEOUT || status == CURL_CONNECT ? ERROR_TIMEOUT : ERROR_NODE, "%s: %s (status %d)", what, words, status);
}
