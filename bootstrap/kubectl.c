#include "bootstrap/kubectl.h"
#include "bootstrap/remote.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#define WAIT_DEFAULT_MS (10 * 60 * 1000)
#define PATIENCE_MS (10 * 60 * 1000)
#define LOOK_MS (10 * 1000)
#define AGAIN_MS 500

static const char *const passing[] = {
	"connection refused",
	"connection reset by peer",
	"unexpected EOF",
	": EOF",
	"TLS handshake timeout",
	"i/o timeout",
	"context deadline exceeded",
	"http2: client connection lost",
	"http2: server sent GOAWAY",
	"apiserver not ready",
	"the server is currently unable to handle the request",
	"the server was unable to return a response in the time allotted",
	"etcdserver: leader changed",
	"etcdserver: request timed out",
	"etcdserver: no leader",
	"Too Many Requests",
	/* caches of the API server that are not filled yet */
	"Error from server (Forbidden)",
	"is forbidden: ",
	"You must be logged in to the server",
	"not yet ready to handle request",
};

bool kubectl_passing(const char *errors)
{
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (strstr(errors, passing[i]) != NULL)
			return true;
	return false;
}

int kubectl_script(struct ssh *s, const char *script, const void *in, size_t in_len, int64_t deadline, struct buf *out,
		   struct buf *errors, int *ret_status, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	CLEANUP_FREE char *whole = xasprintf("k='%s'\n%s", KUBECTL, script);
	struct ssh_command c = {.in = in, .in_len = in_len, .out = out, .errors = errors, .deadline = deadline};

	remote_command(&command, whole);
	c.command = buf_str(&command);
	return ssh_run(s, &c, ret_status, err);
}

int kubectl(struct ssh *s, const char *arguments, const void *in, size_t in_len, struct buf *ret_out, struct error **err)
{
	CLEANUP_FREE char *script = xasprintf("exec $k %s", arguments);
	CLEANUP_BUF struct buf errors = BUF_INIT;
	CLEANUP_FREE char *words = NULL;
	int status = 0;

	if (kubectl_script(s, script, in, in_len, 0, ret_out, &errors, &status, err) < 0)
		return error_wrap(err, "kubectl %s", arguments);
	if (status == 0)
		return 0;
	words = remote_words(buf_str(&errors));
	return error_set(err, ERROR_REMOTE, "kubectl %s ended with status %d: %s", arguments, status, words);
}

int64_t kubectl_deadline(int64_t deadline)
{
	return deadline > 0 && deadline != CLOCK_NEVER ? deadline : clock_deadline(WAIT_DEFAULT_MS);
}

int64_t kubectl_patience(int64_t deadline)
{
	int64_t patience = clock_deadline(PATIENCE_MS);

	return patience < deadline ? patience : deadline;
}

int64_t kubectl_look(int64_t deadline)
{
	int64_t look = clock_deadline(LOOK_MS);

	return look > deadline ? look : deadline;
}

int64_t kubectl_seconds(int64_t deadline)
{
	int64_t left = (deadline - clock_ms()) / 1000;

	return left > 1 ? left : 1;
}

int kubectl_again(const char *what, const struct buf *errors, int status, int64_t deadline, struct error **err)
{
	CLEANUP_FREE char *words = remote_words(buf_str(errors));

	if (kubectl_passing(buf_str(errors)) && clock_ms() + AGAIN_MS < deadline) {
		log_verbose("%s: %s: trying again", what, words);
		return cancel_sleep(AGAIN_MS, err);
	}
	return error_set(err, clock_ms() + AGAIN_MS < deadline ? ERROR_REMOTE : ERROR_TIMEOUT, "%s ended with status %d: %s",
			 what, status, words);
}

int kubectl_json(struct ssh *s, const char *arguments, int64_t deadline, struct json_object **ret, struct error **err)
{
	CLEANUP_FREE char *script = xasprintf("exec $k %s -o json", arguments);
	CLEANUP_FREE char *what = xasprintf("kubectl %s", arguments);

	for (;;) {
		CLEANUP_BUF struct buf out = BUF_INIT, errors = BUF_INIT;
		int status = 0;

		if (kubectl_script(s, script, NULL, 0, deadline, &out, &errors, &status, err) < 0)
			return error_wrap(err, "%s", what);
		if (status == 0)
			return json_parse(buf_str(&out), out.len, what, ret, err);
		if (kubectl_again(what, &errors, status, deadline, err) < 0)
			return -1;
	}
}
