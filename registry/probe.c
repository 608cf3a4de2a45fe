/* probe: is the place there that bundle_create() would fetch from?  Each small file of checksums is asked for, once. */
#include "core/base/alloc.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "registry/catalogue.h"
#include "registry/fetch.h"
#include "registry/registry.h"

enum { PROBE_MS = 15 * 1000, CHECKSUMS_MAX = 1024 * 1024, WIDTH = 8 };

struct probe {
	const struct catalogue *catalogue;
	const char *mirror;
	struct http *http;
};

static int get(struct http *http, const char *url, struct error **err)
{
	struct http_request request = {.url = url, .answer_max = CHECKSUMS_MAX, .follow = true, .timeout_ms = PROBE_MS};
	CLEANUP_HTTP_RESPONSE struct http_response response = HTTP_RESPONSE_INIT;

	if (fetch_file_path(url) != NULL)
		return path_exists(fetch_file_path(url)) ? 0 : error_set(err, ERROR_NOT_FOUND, "%s: there is no such file", url);
	if (http_perform(http, &request, &response, err) < 0)
		return -1;
	return response.status == 200 ? 0 : fetch_status_error("GET", url, &response, err);
}

static int probe_item(size_t i, void *context, struct error **err)
{
	const struct probe *p = context;
	const char *checksums = p->catalogue->items[i].checksum_url;
	CLEANUP_FREE char *url = checksums != NULL ? catalogue_url(checksums, p->mirror) : NULL;
	const struct catalogue_item *item = &p->catalogue->items[i];

	if (item->digest != NULL)
		return get(p->http, item->url, err) < 0 ? error_wrap(err, "%s", item->place) : 0;
	return url != NULL ? get(p->http, url, err) : 0;
}

/* Many fail for one reason: two of them say enough. */
static int sum_up(struct error **errors, size_t n, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	enum error_kind kind = ERROR_NOT_FOUND;
	size_t failed = 0;

	for (size_t i = 0; i < n; i++) {
		if (errors[i] == NULL)
			continue;
		kind = failed == 0 || error_is(errors[i], ERROR_CANCELLED) ? error_kind(errors[i]) : kind;
		if (failed++ < 2)
			buf_addf(&text, "%s%s", failed > 1 ? "; " : "", error_message(errors[i]));
		error_free(errors[i]);
	}
	if (failed > 2)
		buf_addf(&text, "; and %zu more", failed - 2);
	return failed > 0 ? error_set(err, kind, "%s", buf_str(&text)) : 0;
}

int bundle_probe(const struct spec *spec, const char *mirror, size_t *ret_n, struct error **err)
{
	static const struct http_options options = {0};
	CLEANUP_CATALOGUE struct catalogue c = {0};
	CLEANUP(http_free_ptr) struct http *http = NULL;
	CLEANUP_FREE struct error **errors = NULL;
	struct probe p = {.catalogue = &c, .mirror = mirror};

	if (catalogue_make(spec, &c, err) < 0 || http_new(&options, &http, err) < 0)
		return -1;
	p.http = http;
	errors = xnew_n(struct error *, c.n + 1);
	(void)!parallel_for(c.n, WIDTH, probe_item, &p, errors, NULL);
	for (size_t i = 0; i < c.n; i++)
		*ret_n += c.items[i].checksum_url != NULL;
	return sum_up(errors, c.n, err);
}
