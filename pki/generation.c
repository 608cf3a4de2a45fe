#include "pki/pki_internal.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "pki/certificate.h"
#include "pki/key.h"

#define SITE "site.crt" /* the chain of the site's authority that has issued the authorities of this folder; none: they are roots */

void generation_clear(struct generation *g)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++)
		authority_clear(&g->authorities[i]);
	crypto_free_x509s(&g->above);
	secret_free(g->sa_key);
	free(g->sa_pub);
	*g = (struct generation){0};
}

static int make_folders(const char *folder, struct error **err)
{
	static const char *const folders[] = {"", "/etcd"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP_FREE char *path = xasprintf("%s%s", folder, folders[i]);

		if (path_mkdirs(path, 0700, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_of(const struct pki_options *options, size_t i)
{
	return (table_authorities[i].platforms & 1u << options->platform) != 0;
}

static bool lacks_authority(const char *folder, const struct pki_options *options)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s.crt", folder, table_authorities[i].name);

		if (is_of(options, i) && !path_exists(path))
			return true;
	}
	return false;
}

/* Nothing of the authorities is there yet. */
static bool is_empty(const char *folder)
{
	for (size_t i = 0; i < PKI_SIGNERS; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s.key", folder, table_authorities[i].name);

		if (path_exists(path))
			return false;
	}
	return true;
}

static int read_above(const char *folder, struct generation *g, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/" SITE, folder);
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (!path_exists(path))
		return 0;
	return path_read(path, &text, err) < 0 ? -1 : certificate_parse_all(path, buf_str(&text), text.len, &g->above, err);
}

/* The site's authority is asked for where something has to be issued by it, and its chain kept. */
static int open_site(const char *folder, const struct pki_options *options, struct generation *g, struct site *ret, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/" SITE, folder);

	if (options->site == NULL || !lacks_authority(folder, options) || (g->above == NULL && !is_empty(folder)))
		return 0;
	if (options->site(options->context, ret, err) < 0)
		return -1;
	if (g->above != NULL && X509_cmp(sk_X509_value(g->above, 0), sk_X509_value(ret->chain, 0)) != 0)
		return error_set(err, ERROR_CONFIG,
				 "the other authorities in %s were issued by another authority of the site than the one that the cluster file names", folder);
	if (g->above == NULL && path_write(path, ret->pem, strlen(ret->pem), 0644, err) < 0)
		return -1;
	return g->above == NULL ? read_above(folder, g, err) : 0;
}

static int open_authorities(const char *folder, const struct pki_options *options, bool make, struct generation *g, struct error **err)
{
	CLEANUP_SITE struct site site = {0};
	struct authority_making how = {.algorithm = options->algorithm};

	if (read_above(folder, g, err) < 0 || (make && open_site(folder, options, g, &site, err) < 0))
		return -1;
	how.parent = g->above != NULL ? sk_X509_value(g->above, 0) : NULL;
	how.parent_key = site.key;
	how.parent_end = site.chain != NULL ? site_end(&site) : 0;
	for (size_t i = 0; i < PKI_SIGNERS; i++)
		if (is_of(options, i) && authority_open(folder, table_authorities[i].name, table_authorities[i].cn, &how, clock_wall_ms() / 1000, &g->authorities[i], err) < 0)
			return -1;
	return 0;
}

static int make_sa_key(const char *path, enum key_algorithm algorithm, EVP_PKEY **ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	/* RS256 is what verifiers outside of the cluster take for granted (OpenID Connect requires it of them) */
	enum key_algorithm rsa = algorithm < KEY_RSA_2048 ? KEY_RSA_2048 : algorithm;

	if (key_make(rsa, ret, err) < 0 || key_write(*ret, NULL, &text, err) < 0)
		return -1;
	return path_write(path, text.data, text.len, 0600, err);
}

static int read_sa_key(const char *path, EVP_PKEY **ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (path_read(path, &text, err) < 0)
		return -1;
	return key_parse(path, buf_str(&text), text.len, ret, err);
}

static int open_sa(const char *folder, enum key_algorithm algorithm, bool make, struct generation *g, struct error **err)
{
	CLEANUP_FREE char *key_path = xasprintf("%s/sa.key", folder);
	CLEANUP_FREE char *pub_path = xasprintf("%s/sa.pub", folder);
	CLEANUP(buf_wipe) struct buf key_text = BUF_INIT;
	CLEANUP_BUF struct buf pub_text = BUF_INIT;
	CLEANUP_PKEY EVP_PKEY *key = NULL;
	bool have = path_exists(key_path);

	if (!have && !make)
		return 0;
	if ((have ? read_sa_key(key_path, &key, err) : make_sa_key(key_path, algorithm, &key, err)) < 0)
		return -1;
	if (key_write(key, NULL, &key_text, err) < 0 || key_write_public(key, &pub_text, err) < 0)
		return -1;
	/* sa.pub in the folder is for people: what nodes get is always computed from the key */
	if (!path_exists(pub_path) && path_write(pub_path, pub_text.data, pub_text.len, 0644, err) < 0)
		return -1;
	g->sa_key = buf_steal(&key_text);
	g->sa_pub = buf_steal(&pub_text);
	return 0;
}

int generation_sa(const char *folder, struct generation *g, struct error **err)
{
	return open_sa(folder, KEY_RSA_2048, false, g, err);
}

int generation_open(const char *folder, const struct pki_options *options, bool make, bool sa, struct generation *ret, struct error **err)
{
	struct generation g = {0};

	if (make_folders(folder, err) < 0 || open_authorities(folder, options, make, &g, err) < 0 ||
	    open_sa(folder, options->algorithm, make && sa && options->platform == PLATFORM_KUBERNETES, &g, err) < 0) {
		generation_clear(&g);
		return -1;
	}
	*ret = g;
	return 0;
}
