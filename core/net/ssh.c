#include "core/net/ssh.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/path.h"
#include "core/net/ssh_internal.h"
#include "core/net/ssh_keys.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* All that is offered, best first; libssh2 1.10 has neither AES-GCM nor encrypt-then-MAC. */
static const struct {
	int kind;
	const char *names;
} methods[] = {
	{LIBSSH2_METHOD_KEX,
	 "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521"},
	{LIBSSH2_METHOD_CRYPT_CS, "aes128-ctr,aes256-ctr"},
	{LIBSSH2_METHOD_CRYPT_SC, "aes128-ctr,aes256-ctr"},
	{LIBSSH2_METHOD_MAC_CS, "hmac-sha2-256,hmac-sha2-512"},
	{LIBSSH2_METHOD_MAC_SC, "hmac-sha2-256,hmac-sha2-512"},
	{LIBSSH2_METHOD_COMP_CS, "none"},
	{LIBSSH2_METHOD_COMP_SC, "none"},
};

void ssh_global_init(void)
{
	if (libssh2_init(0) != 0)
		abort(); /* it only fails without memory */
}

static struct ssh *ssh_new(int fd, const struct ssh_login *login)
{
	struct ssh *s = xnew(struct ssh);
	int one = 1;

	s->fd = fd;
	s->name = xstrdup(login->name);
	s->user = xstrdup(login->user);
	/* An end of a socketpair has no such option; that is fine. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	s->session = libssh2_session_init_ex(NULL, NULL, NULL, s);
	if (s->session == NULL)
		abort();
	libssh2_session_set_blocking(s->session, 0);
	ssh_io_init(s);
	s->ask_ms = login->ask_ms > 0 ? login->ask_ms : s->ask_ms;
	s->answer_ms = login->answer_ms > 0 ? login->answer_ms : s->answer_ms;
	return s;
}

/* What the other side has not got yet of a session that was given up would come to it later, when another one does the same. */
static void discard_unsent(int fd)
{
	struct linger at_once = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)); /* close() resets it; not so an end of a socketpair */
}

/* Of a broken session everything comes to an end at once; see on_send(). */
static void close_session(struct ssh *s)
{
	if (s->broken == NULL && s->logged_in) {
		(void)libssh2_session_disconnect(s->session, "done");
		ssh_flush(s);
	} else {
		discard_unsent(s->fd);
	}
	ssh_break(s, xstrdup("it was closed"));
	while (libssh2_session_free(s->session) == LIBSSH2_ERROR_EAGAIN)
		;
}

void ssh_free(struct ssh *s)
{
	if (s == NULL)
		return;
	close_session(s);
	close(s->fd);
	buf_free(&s->out);
	buf_free(&s->in);
	free(s->name);
	free(s->user);
	free(s->broken);
	free(s->farewell);
	free(s->given_up); /* the channels were the session's */
	free(s);
}

void ssh_free_ptr(struct ssh **s)
{
	ssh_free(*s);
}

/* Only kinds of host key that are expected are asked for: a host with several kinds then shows the right one.  All at first use. */
static int host_key_methods(struct ssh *s, const struct ssh_keys *expected, struct error **err)
{
	CLEANUP_STRV struct strv types = STRV_INIT;
	CLEANUP_FREE char *list = NULL;

	for (size_t i = 0; i < expected->n; i++) {
		if (!ssh_host_key_type(expected->v[i].type))
			return error_set(
				err, ERROR_CONFIG,
				"%s: a host key of type %s is not supported; use its ssh-ed25519 or ecdsa-sha2-nistp256 key",
				s->name, expected->v[i].type);
		if (!strv_has(&types, expected->v[i].type))
			strv_add(&types, expected->v[i].type);
	}
	for (size_t i = 0; expected->n == 0 && ssh_host_key_types[i] != NULL; i++)
		strv_add(&types, ssh_host_key_types[i]);
	list = strv_join(&types, ",");
	if (libssh2_session_method_pref(s->session, LIBSSH2_METHOD_HOSTKEY, list) != 0)
		return ssh_fail(s, "prepare the connection", err);
	return 0;
}

static int set_methods(struct ssh *s, const struct ssh_keys *expected, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (libssh2_session_method_pref(s->session, methods[i].kind, methods[i].names) != 0)
			return ssh_fail(s, "prepare the connection", err);
	}
	if (libssh2_session_banner_set(s->session, "SSH-2.0-davit_" DAVIT_VERSION) != 0)
		return ssh_fail(s, "prepare the connection", err);
	return host_key_methods(s, expected, err);
}

static int handshake(struct ssh *s, int64_t deadline, struct error **err)
{
	int rc, again;

	do {
		rc = libssh2_session_handshake(s->session, s->fd);
		if (rc == LIBSSH2_ERROR_KEX_FAILURE && s->broken == NULL)
			return error_set(err, ERROR_REMOTE,
					 "%s: cannot agree on keys with it: it has no method, or no kind of host key, in common "
					 "with this program",
					 s->name);
	} while ((again = ssh_again(s, rc, deadline, "agree on keys with it", err)) > 0);
	return again;
}

static int host_key_mismatch(const struct ssh *s, const char *blob, size_t len, const struct ssh_keys *expected,
			     struct error **err)
{
	CLEANUP_FREE char *seen = ssh_blob_fingerprint(blob, len);
	CLEANUP_BUF struct buf wanted = BUF_INIT;

	for (size_t i = 0; i < expected->n; i++) {
		CLEANUP_FREE char *one = ssh_blob_fingerprint(expected->v[i].blob.data, expected->v[i].blob.len);

		buf_addf(&wanted, "%s%s", i > 0 ? " or " : "", one);
	}
	return error_set(
		err, ERROR_CONFLICT,
		"%s: the host key is not the expected one: it shows %s, expected %s; another machine answers at this address, "
		"or the key was replaced by hand: compare with the console of the server before you trust the new one",
		s->name, seen, buf_str(&wanted));
}

static int verify_fingerprint(const struct ssh *s, const char *blob, size_t len, const char *wanted, struct error **err)
{
	CLEANUP_FREE char *seen = ssh_blob_fingerprint(blob, len);

	if (wanted == NULL || strcmp(seen, wanted) == 0)
		return 0;
	return error_set(err, ERROR_CONFLICT, "%s: it shows the host key %s, and not %s", s->name, seen, wanted);
}

static int verify_host(const struct ssh *s, const struct ssh_login *login, const struct ssh_keys *expected, struct error **err)
{
	size_t len = 0;
	int type = 0;
	const char *blob = libssh2_session_hostkey(s->session, &len, &type);

	if (blob == NULL)
		return error_set(err, ERROR_AUTH, "%s: it showed no host key", s->name);
	if (expected->n == 0) /* first use */
		return verify_fingerprint(s, blob, len, login->fingerprint, err);
	for (size_t i = 0; i < expected->n; i++) {
		const struct buf *want = &expected->v[i].blob;

		if (want->len == len && memcmp(want->data, blob, len) == 0)
			return 0;
	}
	return host_key_mismatch(s, blob, len, expected, err);
}

/* libssh2 says little of a key that it cannot use. */
static int check_key(const struct ssh *s, const char *path, char **ret_fingerprint, struct error **err)
{
	CLEANUP(buf_wipe) struct buf key = BUF_INIT;
	CLEANUP_FREE char *public = NULL;

	if (path_read(path, &key, err) < 0 || ssh_private_key_check(buf_str(&key), path, &public, err) < 0)
		return error_wrap(err, "%s: cannot log in as %s", s->name, s->user);
	*ret_fingerprint = ssh_fingerprint(public);
	return 0;
}

static int refused(const struct ssh *s, int rc, const struct ssh_login *login, const char *fingerprint, struct error **err)
{
	char *text = NULL;

	if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED || rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
		return error_set(err, ERROR_AUTH,
				 "%s: the user %s with the key %s%s%s was refused; is %s the user of its image, and the key in "
				 "its authorized_keys?",
				 s->name, login->user, login->key_file, fingerprint != NULL ? ", " : "",
				 fingerprint != NULL ? fingerprint : "", login->user);
	libssh2_session_last_error(s->session, &text, NULL, 0);
	return error_set(err, ERROR_CONFIG, "%s: cannot use the key %s: %s", s->name, login->key_file, text);
}

static int log_in(struct ssh *s, const struct ssh_login *login, struct error **err)
{
	CLEANUP_FREE char *fingerprint = NULL;
	int rc;

	if (check_key(s, login->key_file, &fingerprint, err) < 0)
		return -1;
	for (;;) {
		rc = libssh2_userauth_publickey_fromfile_ex(s->session, login->user, (unsigned int)strlen(login->user), NULL,
							    login->key_file, "");
		if (rc != LIBSSH2_ERROR_EAGAIN)
			break;
		if (ssh_wait(s, login->deadline, "log in", err) < 0)
			return -1;
	}
	s->logged_in = rc == 0;
	if (rc == 0)
		return 0;
	return s->broken != NULL ? ssh_fail(s, "log in", err) : refused(s, rc, login, fingerprint, err);
}

char *ssh_host_key(const struct ssh *s)
{
	size_t len = 0;
	int type = 0;
	const char *blob = libssh2_session_hostkey(s->session, &len, &type);

	return blob != NULL ? ssh_blob_line(blob, len) : NULL;
}

static bool expects(const struct ssh_login *login)
{
	return login->host_key != NULL || !login->first_use;
}

int ssh_connect(int fd, const struct ssh_login *login, struct ssh **ret, struct error **err)
{
	CLEANUP_SSH struct ssh *s = ssh_new(fd, login);
	CLEANUP_SSH_KEYS struct ssh_keys expected = SSH_KEYS_INIT;

	if (cancel_check(err) < 0)
		return -1;
	if (expects(login) && ssh_keys_parse(login->host_key != NULL ? login->host_key : "", &expected, err) < 0)
		return error_wrap(err, "%s: the expected host key", s->name);
	if (set_methods(s, &expected, err) < 0 || handshake(s, login->deadline, err) < 0)
		return -1;
	/* before the first byte about the user */
	if (verify_host(s, login, &expected, err) < 0 || log_in(s, login, err) < 0)
		return -1;
	*ret = steal_ptr(s);
	return 0;
}
