#include "core/net/ssh_keys.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/strv.h"
#include "core/net/ssh.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum {
	ED25519_BYTES = 32,
	SEED_AND_PUBLIC = 2 * ED25519_BYTES,
	PADDING = 8,	 /* block size of the cipher "none" */
	PEM_COLUMNS = 70 /* as ssh-keygen writes them */
};

const char *const ssh_host_key_types[] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
					  NULL};

bool ssh_host_key_type(const char *type)
{
	for (size_t i = 0; ssh_host_key_types[i] != NULL; i++)
		if (strcmp(ssh_host_key_types[i], type) == 0)
			return true;
	return false;
}

static uint32_t read_u32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void add_u32(struct buf *b, uint32_t v)
{
	const unsigned char bytes[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8),
					(unsigned char)v};

	buf_add_mem(b, bytes, sizeof(bytes));
}

static void add_string(struct buf *b, const void *p, size_t n)
{
	add_u32(b, (uint32_t)n);
	buf_add_mem(b, p, n);
}

/* So that growing leaves no copies of a secret behind. */
static void make_room(struct buf *b)
{
	static const char zeros[1024];
	size_t len = b->len;

	buf_add_mem(b, zeros, sizeof(zeros));
	buf_truncate(b, len);
}

/* The string at *at, borrowed; false where the bytes end before it does. */
static bool next_string(const struct buf *b, size_t *at, const char **ret, size_t *ret_len)
{
	size_t len;

	if (b->len - *at < 4)
		return false;
	len = read_u32(b->data + *at);
	if (b->len - *at - 4 < len)
		return false;
	*ret = b->data + *at + 4;
	*ret_len = len;
	*at += 4 + len;
	return true;
}

static bool is_string(const char *p, size_t n, const char *want)
{
	return n == strlen(want) && memcmp(p, want, n) == 0;
}

/* A blob begins with its own type and consists of strings to its last byte: base64 of something else does not pass for a key. */
static bool blob_is(const struct buf *blob, const char *type)
{
	size_t at = 0, len = 0, strings = 0;
	const char *s = NULL;

	if (!next_string(blob, &at, &s, &len) || !is_string(s, len, type))
		return false;
	while (at < blob->len) {
		if (!next_string(blob, &at, &s, &len))
			return false;
		strings++;
	}
	return strcmp(type, "ssh-ed25519") == 0 ? strings == 1 && len == ED25519_BYTES : strings > 0;
}

static int parse_line(const char *line, struct ssh_key *ret, struct error **err)
{
	CLEANUP_STRV struct strv words = STRV_INIT;
	CLEANUP_BUF struct buf blob = BUF_INIT;

	strv_split(&words, line, " \t\r");
	if (words.n < 2 || base64_decode(words.v[1], &blob, NULL) < 0 || !blob_is(&blob, words.v[0]))
		return error_set(err, ERROR_CONFIG, "\"%.40s\" is no public key; expected a line such as \"ssh-ed25519 AAAA…\"",
				 line);
	ret->type = xstrdup(words.v[0]);
	ret->blob = blob;
	blob = BUF_INIT;
	return 0;
}

int ssh_keys_parse(const char *text, struct ssh_keys *ret, struct error **err)
{
	CLEANUP_STRV struct strv lines = STRV_INIT;
	CLEANUP_SSH_KEYS struct ssh_keys keys = SSH_KEYS_INIT;

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		if (lines.v[i][strspn(lines.v[i], " \t\r")] == '\0')
			continue;
		array_grow(keys.v, keys.n, keys.cap);
		keys.v[keys.n] = (struct ssh_key){0};
		if (parse_line(lines.v[i], &keys.v[keys.n], err) < 0)
			return -1;
		keys.n++;
	}
	if (keys.n == 0)
		return error_set(err, ERROR_CONFIG, "there is no public key in \"%.40s\"", text);
	*ret = keys;
	keys = SSH_KEYS_INIT;
	return 0;
}

void ssh_keys_free(struct ssh_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		free(keys->v[i].type);
		buf_free(&keys->v[i].blob);
	}
	free(keys->v);
	*keys = SSH_KEYS_INIT;
}

char *ssh_blob_line(const void *blob, size_t len)
{
	CLEANUP_BUF struct buf copy = BUF_INIT;
	CLEANUP_FREE char *type = NULL, *text = base64_encode(blob, len);
	size_t at = 0, type_len = 0;
	const char *s = NULL;

	buf_add_mem(&copy, blob, len);
	if (!next_string(&copy, &at, &s, &type_len))
		return NULL;
	type = xstrndup(s, type_len);
	return blob_is(&copy, type) ? xasprintf("%s %s", type, text) : NULL;
}

char *ssh_blob_fingerprint(const void *blob, size_t len)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int md_len = 0;
	CLEANUP_FREE char *text = NULL;

	if (EVP_Digest(blob, len, md, &md_len, EVP_sha256(), NULL) != 1)
		abort();
	text = base64_encode(md, md_len);
	text[strcspn(text, "=")] = '\0'; /* as OpenSSH prints them */
	return xasprintf("SHA256:%s", text);
}

char *ssh_fingerprint(const char *public_key)
{
	CLEANUP_SSH_KEYS struct ssh_keys keys = SSH_KEYS_INIT;

	if (public_key == NULL || ssh_keys_parse(public_key, &keys, NULL) < 0 || keys.n != 1)
		return NULL;
	return ssh_blob_fingerprint(keys.v[0].blob.data, keys.v[0].blob.len);
}

/* The bytes between "-----BEGIN …-----" and "-----END …-----". */
static bool decode_pem(const char *text, struct buf *ret)
{
	CLEANUP(buf_wipe) struct buf joined = BUF_INIT;
	const char *p = strstr(text, "-----BEGIN "), *end = strstr(text, "\n-----END ");

	p = p != NULL ? strchr(p, '\n') : NULL;
	if (p == NULL || end == NULL || end < p)
		return false;
	make_room(&joined);
	make_room(ret);
	for (; p < end; p++) {
		if (strchr("\r\n\t ", *p) == NULL)
			buf_add_char(&joined, *p);
	}
	return base64_decode(buf_str(&joined), ret, NULL) == 0;
}

static int no_private_key(const char *name, struct error **err)
{
	return error_set(err, ERROR_CONFIG,
			 "%s is no private key; expected an ed25519 key in OpenSSH's format (ssh-keygen -t ed25519)", name);
}

static int is_rsa(const char *name, struct error **err)
{
	return error_set(err, ERROR_CONFIG,
			 "%s is an RSA key, which is not supported; use an ed25519 key (ssh-keygen -t ed25519)", name);
}

static int has_passphrase(const char *name, struct error **err)
{
	return error_set(err, ERROR_CONFIG, "%s has a passphrase, which nobody is there to enter; use a key without one", name);
}

/* magic, cipher, key derivation, its options, number of keys, public key, private section */
static int check_openssh(const struct buf *raw, const char *name, char **ret_public, struct error **err)
{
	size_t at = sizeof("openssh-key-v1"), cipher_len = 0, public_len = 0, inner = 0, skip_len = 0, type_len = 0;
	const char *cipher = NULL, *public = NULL, *skip = NULL, *type = NULL;
	CLEANUP_FREE char *line = NULL, *print = NULL;

	if (raw->len < at || memcmp(raw->data, "openssh-key-v1", at) != 0 || !next_string(raw, &at, &cipher, &cipher_len) ||
	    !next_string(raw, &at, &skip, &skip_len) || !next_string(raw, &at, &skip, &skip_len) || raw->len - at < 4)
		return no_private_key(name, err);
	at += 4;
	if (!next_string(raw, &at, &public, &public_len))
		return no_private_key(name, err);
	inner = (size_t)(public - raw->data);
	if (!next_string(raw, &inner, &type, &type_len) || inner > at)
		return no_private_key(name, err);
	if (!is_string(cipher, cipher_len, "none"))
		return has_passphrase(name, err);
	if (is_string(type, type_len, "ssh-rsa"))
		return is_rsa(name, err);
	line = ssh_blob_line(public, public_len);
	print = ssh_fingerprint(line);
	if (print == NULL) /* its type is no word */
		return no_private_key(name, err);
	*ret_public = steal_ptr(line);
	return 0;
}

static int check_pem(const struct buf *raw, const char *name, struct error **err)
{
	const unsigned char *p = (const unsigned char *)raw->data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)raw->len);
	int id = key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;

	EVP_PKEY_free(key);
	if (id == EVP_PKEY_RSA)
		return is_rsa(name, err);
	return id == EVP_PKEY_EC || id == EVP_PKEY_ED25519 ? 0 : no_private_key(name, err);
}

int ssh_private_key_check(const char *text, const char *name, char **ret_public, struct error **err)
{
	CLEANUP(buf_wipe) struct buf raw = BUF_INIT;

	*ret_public = NULL;
	if (strstr(text, "PRIVATE KEY-----") == NULL)
		return no_private_key(name, err);
	if (strstr(text, "ENCRYPTED") != NULL) /* in the first line, or in a header of the old format */
		return has_passphrase(name, err);
	if (!decode_pem(text, &raw))
		return no_private_key(name, err);
	return strstr(text, "BEGIN OPENSSH ") != NULL ? check_openssh(&raw, name, ret_public, err)
						      : check_pem(&raw, name, err);
}

static void public_blob(const unsigned char *pub, struct buf *ret)
{
	add_string(ret, "ssh-ed25519", strlen("ssh-ed25519"));
	add_string(ret, pub, ED25519_BYTES);
}

/* The part that a passphrase would encrypt. */
static void private_section(const unsigned char *seed_pub, const char *comment, struct buf *ret)
{
	uint32_t check;

	random_bytes(&check, sizeof(check));
	add_u32(ret, check); /* twice: tells a right passphrase from a wrong one */
	add_u32(ret, check);
	public_blob(seed_pub + ED25519_BYTES, ret);
	add_string(ret, seed_pub, SEED_AND_PUBLIC);
	add_string(ret, comment, strlen(comment));
	for (char pad = 1; ret->len % PADDING != 0; pad++)
		buf_add_char(ret, pad);
}

static void add_pem(const struct buf *raw, struct buf *ret)
{
	CLEANUP_SECRET char *text = base64_encode(raw->data, raw->len);

	buf_add(ret, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
	for (const char *p = text; *p != '\0'; p += strnlen(p, PEM_COLUMNS)) {
		buf_add_mem(ret, p, strnlen(p, PEM_COLUMNS));
		buf_add_char(ret, '\n');
	}
	buf_add(ret, "-----END OPENSSH PRIVATE KEY-----\n");
}

static void write_private(const unsigned char *seed_pub, const char *comment, struct buf *ret)
{
	CLEANUP(buf_wipe) struct buf raw = BUF_INIT, section = BUF_INIT, pub = BUF_INIT;

	make_room(&section);
	make_room(&raw);
	make_room(ret);
	private_section(seed_pub, comment, &section);
	public_blob(seed_pub + ED25519_BYTES, &pub);
	buf_add_mem(&raw, "openssh-key-v1", sizeof("openssh-key-v1")); /* with its NUL */
	add_string(&raw, "none", 4);				       /* cipher */
	add_string(&raw, "none", 4);				       /* key derivation */
	add_string(&raw, "", 0);				       /* and its options */
	add_u32(&raw, 1);					       /* keys */
	add_string(&raw, pub.data, pub.len);
	add_string(&raw, section.data, section.len);
	add_pem(&raw, ret);
}

static void write_public(const unsigned char *pub, const char *comment, struct buf *ret)
{
	CLEANUP_BUF struct buf blob = BUF_INIT;
	CLEANUP_FREE char *text = NULL;

	public_blob(pub, &blob);
	text = base64_encode(blob.data, blob.len);
	buf_addf(ret, "ssh-ed25519 %s%s%s", text, *comment != '\0' ? " " : "", comment);
}

int ssh_keygen(const char *comment, struct buf *ret_private, struct buf *ret_public, struct error **err)
{
	unsigned char seed_pub[SEED_AND_PUBLIC];
	size_t seed_len = ED25519_BYTES, pub_len = ED25519_BYTES;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	bool ok = key != NULL && EVP_PKEY_get_raw_private_key(key, seed_pub, &seed_len) == 1 &&
		  EVP_PKEY_get_raw_public_key(key, seed_pub + ED25519_BYTES, &pub_len) == 1;

	EVP_PKEY_free(key);
	if (ok) {
		write_private(seed_pub, comment, ret_private);
		write_public(seed_pub + ED25519_BYTES, comment, ret_public);
	}
	OPENSSL_cleanse(seed_pub, sizeof(seed_pub));
	return ok ? 0 : error_set(err, ERROR_INTERNAL, "cannot generate an ed25519 key: OpenSSL refused");
}
