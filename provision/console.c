#include "provision/console.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/strv.h"
#include "core/net/ssh_keys.h"

#define BEGIN "-----BEGIN SSH HOST KEY KEYS-----"
#define END "-----END SSH HOST KEY KEYS-----"
#define INSTEAD "set access.hostKeys to seeded, to first-use, or to a known_hosts file"

enum { PAUSE_MS = 2000, PAUSE_MAX_MS = 5000 };

/* The whole key of that type somewhere in the line, or NULL. */
static char *key_of_type(const char *line, const char *type)
{
	static const char base64[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=";
	const char *at = strstr(line, type);
	CLEANUP_SSH_KEYS struct ssh_keys keys = SSH_KEYS_INIT;
	CLEANUP_FREE char *key = NULL;

	if (at == NULL || at[strlen(type)] != ' ')
		return NULL;
	at += strlen(type) + 1;
	at += strspn(at, " ");
	key = xasprintf("%s %.*s", type, (int)strspn(at, base64), at);
	return ssh_keys_parse(key, &keys, NULL) == 0 ? steal_ptr(key) : NULL;
}

static void take_key(const char *line, struct strv *keys)
{
	for (size_t i = 0; ssh_host_key_types[i] != NULL; i++) {
		CLEANUP_FREE char *key = key_of_type(line, ssh_host_key_types[i]);

		if (key != NULL && !strv_has(keys, key))
			strv_take(keys, steal_ptr(key));
	}
}

/* A key whose file ends without a newline: cloud-init prints the end of the block right behind it. */
static void take_last_key(const char *line, const char *end, struct strv *keys)
{
	CLEANUP_FREE char *before = xstrndup(line, (size_t)(end - line));

	take_key(before, keys);
}

char *console_host_keys(const char *log)
{
	CLEANUP_STRV struct strv lines = STRV_INIT, keys = STRV_INIT;
	char *last = NULL;
	bool inside = false;

	strv_split(&lines, log, "\r\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *end = strstr(lines.v[i], END);
		bool begins = strstr(lines.v[i], BEGIN) != NULL;

		if (begins)
			strv_free(&keys);
		if (end != NULL && inside)
			take_last_key(lines.v[i], end, &keys);
		if (end != NULL && inside && keys.n > 0) {
			free(last);
			last = strv_join(&keys, "\n");
		}
		inside = begins || (inside && end == NULL);
		if (inside)
			take_key(lines.v[i], &keys);
	}
	return last;
}

static int read_console(struct cloud *c, const char *server, const char *server_id, struct json_object **ret, int *ret_status,
			struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("/servers/%s/action", server_id);
	CLEANUP_FREE char *what = xasprintf("read the console log of server \"%s\"", server);
	CLEANUP_JSON struct json_object *body = json_object_new_object();
	struct cloud_call call = {.service = CLOUD_COMPUTE,
				  .method = "POST",
				  .path = path,
				  .body = body,
				  .retry = RETRY_A,
				  .what = what,
				  .not_found_ok = true, /* no log yet */
				  .conflict_ok = true}; /* the server is not ready yet */

	json_add(body, "os-getConsoleOutput", json_object_new_object());
	if (cloud_call(c, &call, ret, ret_status, NULL, err) == 0)
		return 0;
	return *ret_status == 501 ? error_wrap(err, "access.hostKeys is console, and this cloud keeps no console logs; " INSTEAD)
				  : -1;
}

/* As a string without NULs, which would end it. */
static char *log_text(struct json_object *answer)
{
	struct json_object *output = json_at(answer, "output");
	size_t n = output != NULL ? (size_t)json_object_get_string_len(output) : 0;
	char *text = n > 0 ? xmemdup(json_object_get_string(output), n) : xstrdup("");

	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '\n';
	return text;
}

static int too_late(const char *server, const char *log, struct error **err)
{
	if (log == NULL || *log == '\0')
		return error_set(err, ERROR_TIMEOUT,
				 "access.hostKeys is console, and the console log of server \"%s\" stays empty: its hypervisor keeps "
				 "none, or its image writes to another console (console=ttyS0); " INSTEAD,
				 server);
	return error_set(err, ERROR_TIMEOUT,
			 "access.hostKeys is console, and the console log of server \"%s\" (%zu bytes) shows no whole block \"" BEGIN
			 "\" with an ed25519 or ECDSA key: its image has no cloud-init that prints them; " INSTEAD,
			 server, strlen(log));
}

int console_wait_host_keys(struct cloud *c, const char *server, const char *server_id, int64_t deadline, char **ret,
			   struct error **err)
{
	CLEANUP_FREE char *log = NULL;
	int64_t pause = PAUSE_MS;

	while (clock_ms() < deadline) {
		CLEANUP_JSON struct json_object *answer = NULL;
		char *keys = NULL;
		int status = 0;

		if (read_console(c, server, server_id, &answer, &status, err) < 0)
			return -1;
		free(log);
		log = log_text(answer);
		keys = console_host_keys(log);
		if (keys != NULL) {
			*ret = keys;
			return 0;
		}
		if (cancel_sleep(pause, err) < 0)
			return -1;
		pause = pause + pause / 4 < PAUSE_MAX_MS ? pause + pause / 4 : PAUSE_MAX_MS;
	}
	return too_late(server, log, err);
}
