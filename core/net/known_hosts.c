#include "core/net/known_hosts.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/net/ssh_internal.h"
#include "core/net/ssh_keys.h"

enum { SHA1_CHARACTERS = 27 };

struct search {
	LIBSSH2_SESSION *session; /* libssh2 wants one */
	const struct strv *names;
	int port;
	struct strv keys, revoked; /* "type base64" */
	bool other_types;
};

/*
 * The key of the line as base64, where one of the names is the host's.  libssh2 answers whether a host has a key, not which
 * keys it has (names may be hashed): so each line is a collection of its own, which is asked for the key that it holds.
 */
static char *key_of_line(const struct search *s, const char *line)
{
	LIBSSH2_KNOWNHOSTS *hosts = libssh2_knownhost_init(s->session);
	struct libssh2_knownhost *entry = NULL;
	const int any = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_BASE64;
	char *key = NULL;

	if (hosts == NULL)
		abort(); /* it only fails without memory */
	if (libssh2_knownhost_readline(hosts, line, strlen(line), LIBSSH2_KNOWNHOST_FILE_OPENSSH) == 0 &&
	    libssh2_knownhost_get(hosts, &entry, NULL) == 0)
		for (size_t i = 0; i < s->names->n && key == NULL; i++)
			if (libssh2_knownhost_checkp(hosts, s->names->v[i], s->port, entry->key, strlen(entry->key), any, NULL) ==
			    LIBSSH2_KNOWNHOST_CHECK_MATCH)
				key = xstrdup(entry->key);
	libssh2_knownhost_free(hosts);
	return key;
}

/* "|1|SALT|HASH": libssh2 1.10 leaks at a hash that is no SHA-1, 20 bytes in 27 characters and a "=". */
static bool name_is_whole(const char *line)
{
	static const char base64[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
	const char *at = strncmp(line, "|1|", 3) == 0 ? strchr(line + 3, '|') : NULL;

	if (line[0] != '|')
		return true;
	return at != NULL && strspn(at + 1, base64) == SHA1_CHARACTERS && at[1 + SHA1_CHARACTERS] == '=' &&
	       strchr(" \t", at[2 + SHA1_CHARACTERS]) != NULL;
}

static void take_line(struct search *s, const char *line)
{
	static const char revoked[] = "@revoked";
	bool is_revoked = strncmp(line, revoked, strlen(revoked)) == 0;
	CLEANUP_FREE char *key = NULL, *text = NULL, *type = NULL;
	CLEANUP_BUF struct buf blob = BUF_INIT;

	line += is_revoked ? strlen(revoked) : 0;
	line += strspn(line, " \t");
	if (*line == '@' || *line == '#' || !name_is_whole(line))
		return;
	key = key_of_line(s, line);
	if (key == NULL || base64_decode(key, &blob, NULL) < 0)
		return;
	text = ssh_blob_line(blob.data, blob.len);
	type = text != NULL ? xstrndup(text, strcspn(text, " ")) : NULL;
	if (type == NULL)
		return;
	if (is_revoked)
		strv_add(&s->revoked, text);
	else if (ssh_host_key_type(type) && !strv_has(&s->keys, text))
		strv_add(&s->keys, text);
	s->other_types |= !is_revoked && !ssh_host_key_type(type);
}

static int conclude(const struct search *s, char **ret, struct error **err)
{
	CLEANUP_STRV struct strv good = STRV_INIT;

	for (size_t i = 0; i < s->keys.n; i++)
		if (!strv_has(&s->revoked, s->keys.v[i]))
			strv_add(&good, s->keys.v[i]);
	if (good.n > 0)
		*ret = strv_join(&good, "\n");
	else if (s->keys.n > 0)
		return error_set(err, ERROR_CONFLICT, "every host key of %s in it is revoked", s->names->v[0]);
	else if (s->other_types)
		return error_set(err, ERROR_CONFIG,
				 "its keys of %s are of types that are not taken; add the server's ssh-ed25519 or ecdsa-sha2-nistp256 key",
				 s->names->v[0]);
	return 0;
}

int known_hosts_find(const char *text, const struct strv *names, uint16_t port, char **ret, struct error **err)
{
	struct search s = {.session = libssh2_session_init_ex(NULL, NULL, NULL, NULL), .names = names, .port = port};
	CLEANUP_STRV struct strv lines = STRV_INIT;
	int r;

	if (s.session == NULL)
		abort();
	*ret = NULL;
	strv_split(&lines, text, "\r\n");
	for (size_t i = 0; i < lines.n; i++)
		take_line(&s, lines.v[i] + strspn(lines.v[i], " \t"));
	libssh2_session_free(s.session);
	r = conclude(&s, ret, err);
	strv_free(&s.keys);
	strv_free(&s.revoked);
	return r;
}
