#include "cmd/authorities.h"
#include "cmd/passphrase.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/path.h"
#include "pki/leaf.h"
#include "pki/site.h"

#define OWN_KEY "pki/site.key" /* below the state, where the file names no key */
#define VARIABLE "DAVIT_CA_PASSPHRASE"

enum { DAY = 24 * 3600 };

/* ---- its certificate is still to come */

/* "site/demo.crt" → "site/demo.csr" */
static char *request_path(const struct spec *spec)
{
	const char *path = spec->pki.ca.certificate, *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
	size_t n = dot != NULL && (slash == NULL || dot > slash + 1) ? (size_t)(dot - path) : strlen(path);

	return xasprintf("%.*s.csr", (int)n, path);
}

static int write_request(const struct context *c, const char *key_name, const struct buf *key, char **ret_path, struct error **err)
{
	CLEANUP_FREE char *path = request_path(c->spec), *cn = xasprintf("davit %s", c->spec->name);
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (site_request(cn, key_name, key, &text, err) < 0 || path_write(path, text.data, text.len, 0644, err) < 0)
		return -1;
	*ret_path = steal_ptr(path);
	return 0;
}

static int ask_for_certificate(const struct context *c, const char *key_name, const struct buf *key, struct error **err)
{
	CLEANUP_FREE char *path = NULL;

	if (write_request(c, key_name, key, &path, err) < 0)
		return -1;
	return error_set(err, ERROR_CONFIG,
			 "%s is not there yet. %s is the request for it: let the site's authority sign it as that of an authority (CA:TRUE, pathlen:1 or more, keyCertSign), "
			 "and put the certificate there, with those of its issuers behind it; the same command then goes on. Nothing was changed",
			 c->spec->pki.ca.certificate, path);
}

/* ---- reading it */

static int read_passphrase(const struct spec *spec, const struct buf *key, char **ret, struct error **err)
{
	CLEANUP_FREE char *prompt = xasprintf("passphrase of %s: ", spec->pki.ca.key);
	struct passphrase_source from = {spec->pki.ca.passphrase_file, VARIABLE, prompt, "passphraseFile in pki.ca of the cluster file, or $" VARIABLE};

	if (!site_key_is_encrypted(key))
		return 0;
	return passphrase_get(&from, false, ret, err) < 0 ? error_wrap(err, "%s is encrypted", spec->pki.ca.key) : 0;
}

/* Of the file's: what it names and is not there is a mistake in it. */
static int read_named(const struct spec *spec, const char *path, struct buf *ret, struct error **err)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (path_read(path, ret, &why) == 0)
		return 0;
	if (error_is(why, ERROR_NOT_FOUND))
		return error_set(err, ERROR_CONFIG, "%s: pki.ca: there is no file %s", spec->path, path);
	return error_move(err, steal_ptr(why));
}

static int read_key(const struct context *c, const char *own, struct buf *ret, struct error **err)
{
	CLEANUP_FREE char *folder = state_path(c->state, "pki");

	if (c->spec->pki.ca.key != NULL)
		return read_named(c->spec, c->spec->pki.ca.key, ret, err);
	return path_mkdirs(folder, 0700, err) < 0 ? -1 : site_key(own, c->spec->pki.algorithm, ret, err);
}

static void tell(const struct spec *spec, const struct site *s)
{
	CLEANUP_FREE char *end = clock_rfc3339(site_end(s) * 1000);

	if (site_end(s) < clock_wall_ms() / 1000 + (int64_t)LEAF_DAYS * DAY)
		log_warning("%s ends on %.10s, sooner than certificates of the cluster would (%d days): they end with it", spec->pki.ca.certificate, end, LEAF_DAYS);
	if (!site_has_root(s))
		log_warning("%s ends before the root: programs in pods and of people that use OpenSSL may not take the API server's certificate; put the root behind the others",
			    spec->pki.ca.certificate);
}

static int load(const struct context *c, struct site *ret, struct error **err)
{
	const struct spec *spec = c->spec;
	CLEANUP_FREE char *own = state_path(c->state, OWN_KEY);
	const char *key_name = spec->pki.ca.key != NULL ? spec->pki.ca.key : own;
	CLEANUP(buf_wipe) struct buf key = BUF_INIT;
	CLEANUP_BUF struct buf certificate = BUF_INIT;
	CLEANUP_SECRET char *passphrase = NULL;
	struct site_source from = {.certificate_name = spec->pki.ca.certificate, .key_name = key_name, .certificate = &certificate, .key = &key};

	if (read_key(c, own, &key, err) < 0)
		return -1;
	if (spec->pki.ca.key == NULL && !path_exists(spec->pki.ca.certificate))
		return ask_for_certificate(c, key_name, &key, err);
	if (read_named(spec, spec->pki.ca.certificate, &certificate, err) < 0 || read_passphrase(spec, &key, &passphrase, err) < 0)
		return -1;
	from.passphrase = passphrase;
	if (site_parse(&from, clock_wall_ms() / 1000, ret, err) < 0)
		return error_wrap(err, "pki.ca");
	tell(spec, ret);
	return 0;
}

/* ---- for others */

static int give(void *context, struct site *ret, struct error **err)
{
	const struct context *c = context;

	if (c->site == NULL)
		return load(c, ret, err);
	site_copy(c->site, ret);
	return 0;
}

struct pki_options authorities_options(const struct context *c)
{
	return (struct pki_options){.platform = c->spec->platform,
				    .algorithm = c->spec->pki.algorithm,
				    .site = c->spec->pki.ca.certificate != NULL ? give : NULL,
				    .context = (void *)(uintptr_t)c};
}

int authorities_open(const struct context *c, struct pki **ret, struct error **err)
{
	CLEANUP_FREE char *folder = state_path(c->state, "pki");
	struct pki_options options = authorities_options(c);

	if (pki_open(folder, &options, ret, err) < 0)
		return -1;
	if (pki_pass(*ret) == PKI_SETTLED && pki_is_beneath_site(*ret) != (options.site != NULL))
		log_warning("%s: pki.ca %s, and the authorities of the cluster are %s: \"davit certs rotate-ca\" goes over to new ones", c->spec->path,
			    options.site != NULL ? "names an authority of the site" : "names none", options.site != NULL ? "roots" : "beneath one of the site");
	return 0;
}

int authorities_prepare_new(struct context *c, struct error **err)
{
	struct site site = {0};

	if (c->spec->pki.ca.certificate == NULL || c->site != NULL)
		return 0;
	if (load(c, &site, err) < 0)
		return -1;
	c->site = xmemdup(&site, sizeof(site));
	return 0;
}

int authorities_prepare(struct context *c, struct error **err)
{
	CLEANUP_FREE char *first = state_path(c->state, "pki/ca.crt"), *last = state_path(c->state, "pki/registry-ca.crt");

	return path_exists(first) && path_exists(last) ? 0 : authorities_prepare_new(c, err);
}

void authorities_forget(struct context *c)
{
	if (c->site != NULL)
		site_clear(c->site);
	free(steal_ptr(c->site));
}

int verb_certs_csr(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_FREE char *own = NULL, *path = NULL;
	CLEANUP(buf_wipe) struct buf key = BUF_INIT;

	if (context_open(o, CONTEXT_WRITE, &c, err) < 0)
		return -1;
	if (c.spec->pki.ca.certificate == NULL || c.spec->pki.ca.key != NULL)
		return error_set(err, ERROR_CONFIG, "%s: a request is for \"pki: {ca: {certificate: FILE}}\" without a \"key\", where davit makes the key itself",
				 c.spec->path);
	own = state_path(c.state, OWN_KEY);
	if (read_key(&c, own, &key, err) < 0 || write_request(&c, own, &key, &path, err) < 0)
		return -1;
	log_info("%s is the request for %s: let the site's authority sign it as that of an authority (CA:TRUE, pathlen:1 or more, keyCertSign), and put the "
		 "certificate there, with those of its issuers behind it",
		 path, c.spec->pki.ca.certificate);
	return 0;
}
