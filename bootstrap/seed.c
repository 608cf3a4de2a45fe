#include "bootstrap/bootstrap.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/json.h"
#include "core/base/strv.h"

/* "ssh-ed25519 AAAA… comment" without the comment, which may be missing; NULL where it is no such key.  The caller frees. */
static char *bare_key(const char *text)
{
	CLEANUP_STRV struct strv words = STRV_INIT;
	CLEANUP_FREE char *key = NULL, *print = NULL;

	strv_split(&words, text, " \t\r\n");
	if (words.n < 2 || strcmp(words.v[0], "ssh-ed25519") != 0)
		return NULL;
	key = xasprintf("%s %s", words.v[0], words.v[1]);
	print = ssh_fingerprint(key);
	return print != NULL ? steal_ptr(key) : NULL;
}

int bootstrap_user_data(const char *node, char **ret_user_data, char **ret_host_key, struct error **err)
{
	CLEANUP_JSON struct json_object *config = json_object_new_object();
	struct json_object *keys = json_object_new_object();
	struct buf private = BUF_INIT, public = BUF_INIT;
	char *bare = NULL;

	json_add(config, "ssh_keys", keys);
	if (ssh_keygen(node, &private, &public, err) < 0)
		return error_wrap(err, "host key of %s", node);
	bare = bare_key(buf_str(&public));
	if (bare == NULL) {
		buf_wipe(&private);
		buf_free(&public);
		return error_set(err, ERROR_INTERNAL, "the host key made for %s is no ed25519 key", node);
	}
	json_add_bool(config, "ssh_deletekeys", true);
	json_add_str(keys, "ed25519_private", buf_str(&private));
	json_add_str(keys, "ed25519_public", bare);
	*ret_user_data = xasprintf("#cloud-config\n%s\n", json_object_to_json_string_ext(config, JSON_C_TO_STRING_NOSLASHESCAPE));
	*ret_host_key = bare;
	buf_wipe(&private);
	buf_free(&public);
	return 0;
}

static int run_script(struct ssh *s, const char *what, const char *script, const char *argument, struct buf *out,
		      struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.out = out};

	remote_command(&command, script);
	buf_add_char(&command, ' ');
	buf_add_shell(&command, argument);
	c.command = buf_str(&command);
	return remote_run(s, what, &c, err);
}

/* *ret_current: the node has been through a rotation already; the key is the one in use. */
static int new_key(struct ssh *s, const char *old, char **ret_key, bool *ret_current, struct error **err)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	const char *text = NULL, *space = NULL;

	if (run_script(s, "making a host key on the node", text_key_new, old, &out, err) < 0)
		return -1;
	text = buf_str(&out);
	space = strchr(text, ' ');
	*ret_current = strncmp(text, "current ", 8) == 0;
	*ret_key = space != NULL ? bare_key(space + 1) : NULL;
	if (*ret_key == NULL)
		return error_set(err, ERROR_NODE, "the node did not answer with its new host key but with \"%.100s\"", text);
	return 0;
}

int bootstrap_rotate_host_key(struct ssh *s, const char *old_key, int (*pin)(void *context, const char *keys, struct error **err),
			      void *context, char **ret_host_key, struct error **err)
{
	CLEANUP_FREE char *first = xstrndup(old_key, strcspn(old_key, "\n"));
	CLEANUP_FREE char *old = bare_key(first), *fresh = NULL, *both = NULL;
	bool current = false;

	if (old == NULL)
		return error_set(err, ERROR_INTERNAL, "the key to be replaced is no ed25519 key: \"%.100s\"", first);
	if (new_key(s, old, &fresh, &current, err) < 0)
		return -1;
	both = xasprintf("%s\n%s", old, fresh);
	if (!current &&
	    (pin(context, both, err) < 0 || run_script(s, "the switch to the new host key", text_key_switch, "", NULL, err) < 0))
		return -1;
	*ret_host_key = steal_ptr(fresh);
	return 0;
}
