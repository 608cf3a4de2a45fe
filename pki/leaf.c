#include "pki/leaf.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "pki/key.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

void leaf_clear(struct leaf *l)
{
	free(l->certificate_pem);
	secret_free(l->key_pem);
	*l = (struct leaf){0};
}

static void take(struct buf *certificate_pem, struct buf *key_pem, int64_t not_after, struct leaf *ret)
{
	*ret = (struct leaf){buf_steal(certificate_pem), buf_steal(key_pem), not_after};
}

int leaf_make_until(const struct authority *ca, struct certificate_want want, int64_t now, int64_t until, struct leaf *ret,
		    struct error **err)
{
	CLEANUP_PKEY EVP_PKEY *key = NULL;
	CLEANUP_KEY_PUBLIC struct key_public public = {0};
	CLEANUP_BUF struct buf certificate_pem = BUF_INIT;
	CLEANUP(buf_wipe) struct buf key_pem = BUF_INIT;

	want.not_before = now - HOUR;
	want.not_after = until;
	if (key_make(want.algorithm, &key, err) < 0 || key_write(key, &public, &key_pem, err) < 0 ||
	    issuer_issue(ca->issuer, &want, &public, &certificate_pem, err) < 0)
		return -1;
	take(&certificate_pem, &key_pem, until, ret);
	return 0;
}

int leaf_make(const struct authority *ca, struct certificate_want want, int64_t now, int days, struct leaf *ret,
	      struct error **err)
{
	int64_t ca_end = certificate_not_after(ca->certificate), until = now - HOUR + (int64_t)days * DAY;

	return leaf_make_until(ca, want, now, until < ca_end ? until : ca_end, ret, err);
}

/* 1: *ret is the pair of the file, 0: it cannot be used, and *ret_why tells. */
static int reuse(const struct buf *text, const struct authority *ca, const struct certificate_want *want, const struct leaf_age *age,
		 struct leaf *ret, const char **ret_why)
{
	CLEANUP_BUF struct buf certificate_pem = BUF_INIT;
	CLEANUP(buf_wipe) struct buf key_pem = BUF_INIT;
	CLEANUP_X509 X509 *c = NULL;

	*ret_why = "it cannot be read";
	if (certificate_parse("", buf_str(text), text->len, &c, NULL) < 0 || certificate_write(c, &certificate_pem, NULL) < 0)
		return 0;
	*ret_why = "its key cannot be read, or is another one's";
	if (!key_copy(buf_str(text), text->len, c, &key_pem))
		return 0;
	*ret_why = "its names, its authority or the algorithm of its key are others now";
	if (!certificate_matches(c, want, ca->certificate))
		return 0;
	*ret_why = "it is near its end";
	/* with its authority near the end, too, a new one would be none the better */
	if (certificate_not_after(c) - age->now < age->left && certificate_not_after(c) < certificate_not_after(ca->certificate))
		return 0;
	*ret_why = "all are";
	if (certificate_not_before(c) + HOUR < age->made_after)
		return 0;
	take(&certificate_pem, &key_pem, certificate_not_after(c), ret);
	return 1;
}

static int write_pair(const char *path, const struct leaf *l, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	buf_add(&text, l->certificate_pem);
	buf_add(&text, l->key_pem);
	return path_write_unsynced(path, text.data, text.len, 0600, err);
}

int leaf_get(const char *path, const struct authority *ca, const struct certificate_want *want, const struct leaf_age *age,
	     struct leaf *ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_LEAF struct leaf made = {0};
	const char *why = NULL;

	if (path_exists(path)) {
		if (path_read(path, &text, err) < 0)
			return -1;
		if (reuse(&text, ca, want, age, ret, &why))
			return 0;
		log_verbose("%s is made anew: %s", path, why);
	}
	if (leaf_make(ca, *want, age->now, LEAF_DAYS, &made, err) < 0 || write_pair(path, &made, err) < 0)
		return -1;
	*ret = made;
	made = (struct leaf){0};
	return 0;
}

int leaf_replace(const char *path, X509 *issuer, const char *certificate_pem, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT, key_pem = BUF_INIT;
	CLEANUP_X509 X509 *c = NULL;
	struct leaf leaf = {.certificate_pem = (char *)(uintptr_t)certificate_pem};

	if (path_read(path, &text, err) < 0 || certificate_parse(path, certificate_pem, strlen(certificate_pem), &c, err) < 0)
		return -1;
	if (!certificate_is_by(c, issuer))
		return error_set(err, ERROR_CONFIG, "%s: what the node has in its place was not issued by the cluster's authority", path);
	if (!key_copy(buf_str(&text), text.len, c, &key_pem))
		return error_set(err, ERROR_CONFIG, "%s: what the node has in its place is of another key", path);
	leaf.key_pem = (char *)(uintptr_t)buf_str(&key_pem);
	return write_pair(path, &leaf, err);
}
