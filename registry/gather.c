/* gather: bundle_create(): everything a file needs, from its sources into a bundle. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/cluster/plan.h"
#include "registry/bundle.h"
#include "registry/gather.h"
#include "registry/pack.h"
#include "registry/registry.h"
#include <unistd.h>

enum { RESOLVE_WIDTH = 12, FETCH_WIDTH = 6, PROGRESS_MS = 200 };

/* What a person can do about it. */
static const char *hint(const struct gather *g, const struct error *why)
{
	bool unreachable = error_is(why, ERROR_NETWORK) || error_is(why, ERROR_TIMEOUT);

	if (g->mirror == NULL && (unreachable || error_is(why, ERROR_NOT_FOUND)))
		return "; what was fetched so far is kept; where this site cannot be reached, name a mirror: --mirror URL, or "
		       "artifacts.mirror in the file";
	if (g->mirror != NULL && error_is(why, ERROR_NOT_FOUND))
		return "; the mirror lacks it: add it there, or leave the mirror out to fetch from upstream";
	return unreachable ? "; what was fetched so far is kept: run it again to go on" : "";
}

static int explain(struct gather *g, const struct source *s, struct error *why, struct error **err)
{
	const char *version = s->item == NULL ? "" : s->item->version;

	atomic_store(&g->stop, true);
	if (s->item != NULL && s->item->digest != NULL)
		error_set(err, error_is(why, ERROR_CANCELLED) ? ERROR_CANCELLED : ERROR_CONFIG, "%s: %s: %s", s->item->place, s->label, error_message(why));
	else
		error_set(err, error_kind(why), "fetch %s%s%s: %s%s", s->label, *version == '\0' ? "" : " ", version, error_message(why),
		  hint(g, why));
	event_fail(g->events, s->label, "fetch", error_message(why));
	error_free(why);
	return -1;
}

static int resolve(size_t i, void *context, struct error **err)
{
	struct gather *g = context;
	struct source *s = &g->sources[i];
	struct error *why = NULL;

	if (atomic_load(&g->stop))
		return error_set(err, ERROR_CANCELLED, "not begun");
	if ((s->item == NULL ? gather_resolve_image(g, s, &why) : gather_resolve_artifact(g, s, &why)) == 0)
		return 0;
	return explain(g, s, why, err);
}

/* ---- step 2: blobs ---- */

static bool wanted_already(const struct gather *g, const char *digest)
{
	for (size_t i = 0; i < g->n_wanted; i++)
		if (g->wanted[i].blob != NULL && strcmp(g->wanted[i].blob->digest, digest) == 0)
			return true;
	return false;
}

static void want(struct gather *g, struct source *s, const struct descriptor *blob)
{
	array_grow(g->wanted, g->n_wanted, g->cap_wanted);
	g->wanted[g->n_wanted++] = (struct wanted){.source = s, .blob = blob, .g = g};
	s->missing++;
	if (blob != NULL)
		s->total += blob->size;
}

/* Images may share layers: each is fetched once. */
static void plan_fetches(struct gather *g)
{
	for (size_t i = 0; i < g->n; i++) {
		struct source *s = &g->sources[i];

		if (s->missing == 0)
			continue;
		s->missing = 0;
		if (s->item != NULL)
			want(g, s, NULL);
		for (size_t b = 0; b < s->n_blobs; b++)
			if (!wanted_already(g, s->blobs[b].digest) && !gather_has(g, s->blobs[b].digest, s->blobs[b].size))
				want(g, s, &s->blobs[b]);
	}
}

static void tell(struct wanted *w, int64_t total)
{
	struct source *s = w->source;
	double done = (double)atomic_load(&s->done) / 1e6;

	if (clock_ms() < w->told_ms + PROGRESS_MS)
		return;
	w->told_ms = clock_ms();
	if (w->blob != NULL)
		total = atomic_load(&s->total);
	if (total > 0)
		event_progress(w->g->events, s->label, "fetch", "%.1f of %.1f MB", done, (double)total / 1e6);
	else
		event_progress(w->g->events, s->label, "fetch", "%.1f MB", done);
}

static int progress(int64_t done, int64_t total, void *context, struct error **err)
{
	struct wanted *w = context;

	atomic_fetch_add(&w->source->done, done - w->done);
	w->done = done;
	tell(w, total);
	return atomic_load(&w->g->stop) ? error_set(err, ERROR_CANCELLED, "stopped, as another download failed") : 0;
}

static int fetch_artifact(struct gather *g, struct wanted *w, struct error **err)
{
	struct source *s = w->source;
	struct fetch f = {.http = g->http,
			  .folder = g->folder,
			  .url = s->url,
			  .digest = *s->digest == '\0' ? NULL : s->digest,
			  .progress = progress,
			  .context = w};
	char digest[OCI_DIGEST_LEN + 1];
	int64_t size = 0;

	if (fetch_blob(&f, digest, &size, err) < 0)
		return -1;
	gather_take(s, digest, size);
	if (gather_packs(s) && pack_blob(g->folder, digest, s->packed, &s->size, err) < 0)
		return -1;
	if (s->item->checksum_url == NULL && s->item->digest == NULL)
		log_warning("%s %s: upstream publishes no checksum of it; pinned as it came from %s: %s", s->item->name,
			    s->item->version, s->url, digest);
	return 0;
}

static int fetch_wanted(size_t i, void *context, struct error **err)
{
	struct gather *g = context;
	struct wanted *w = &g->wanted[i];
	struct source *s = w->source;
	struct error *why = NULL;
	int r;

	if (atomic_load(&g->stop))
		return error_set(err, ERROR_CANCELLED, "not begun");
	if (!atomic_exchange(&s->begun, true))
		event_begin(g->events, s->label, "fetch");
	r = w->blob == NULL ? fetch_artifact(g, w, &why) : pull_blob(s->pull, g->folder, w->blob, progress, w, &why);
	if (r < 0)
		return explain(g, s, why, err);
	if (atomic_fetch_sub(&s->missing, 1) == 1)
		event_end(g->events, s->label, "fetch");
	return 0;
}

/* parallel_for() where the error that made the others stop is the one to be told. */
static int run_all(struct gather *g, size_t n, unsigned width, parallel_job *job, struct error **err)
{
	CLEANUP_FREE struct error **errors = xnew_n(struct error *, n == 0 ? 1 : n);
	struct error *first = NULL;
	int r = parallel_for(n, width, job, g, errors, err);

	for (size_t i = 0; i < n; i++) {
		if (errors[i] != NULL &&
		    (first == NULL || (error_is(first, ERROR_CANCELLED) && !error_is(errors[i], ERROR_CANCELLED)))) {
			error_free(first);
			first = errors[i];
		} else {
			error_free(errors[i]);
		}
	}
	return r == 0 ? 0 : error_move(err, first);
}

/* ---- step 3: writing it down ---- */

static void fill_artifacts(const struct gather *g, struct artifacts *ret)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct source *s = &g->sources[i];
		struct artifact *a;

		if (s->item == NULL) {
			strv_add(&ret->images, s->label);
			continue;
		}
		array_grow(ret->items, ret->n, ret->cap);
		a = &ret->items[ret->n++];
		*a = (struct artifact){.name = xstrdup(s->item->name),
				       .version = xstrdup(s->item->version),
				       .digest = xstrdup(*s->packed != '\0' ? s->packed : s->digest),
				       .size = s->size,
				       .content = *s->packed != '\0' ? xstrdup(s->digest) : NULL,
				       .format = gather_packs(s) ? ARTIFACT_GZ : s->item->format,
				       .strip = s->item->strip,
				       .roles = s->item->roles,
				       .source = xstrdup(s->item->url),
				       .unpublished = s->item->checksum_url == NULL && s->item->digest == NULL};
		strv_copy(&a->programs, &s->item->programs);
	}
}

static void put_entry(struct json_object *index, const char *ref, const char *media_type, const char *digest, int64_t size,
		      const char *artifact_type, const char *source)
{
	struct json_object *o = json_object_new_object(), *notes = json_object_new_object();

	json_add_str(o, "mediaType", media_type);
	json_add_str(o, "artifactType", artifact_type);
	json_add_str(o, "digest", digest);
	json_add_int(o, "size", size);
	json_add_str(notes, OCI_REF_NAME, ref);
	json_add_str(notes, BUNDLE_SOURCE, source);
	json_add(o, "annotations", notes);
	layout_index_put(index, o);
}

static int put_images(const struct gather *g, struct json_object *index, struct error **err)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct source *s = &g->sources[i];
		CLEANUP_MANIFEST struct manifest m = {0};

		if (s->item != NULL)
			continue;
		if (layout_manifest(g->folder, s->digest, &m, err) < 0)
			return -1;
		put_entry(index, s->label, m.media_type, s->digest, s->size, NULL, s->image);
	}
	return 0;
}

static int write_down(struct gather *g, const char *version, const struct artifacts *a, struct error **err)
{
	CLEANUP_JSON struct json_object *index = NULL;
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_FREE char *ref = bundle_ref(version), *before = NULL;
	char digest[OCI_DIGEST_LEN + 1];

	if (g->index != NULL)
		before = xstrdup(json_object_to_json_string(g->index));
	index = g->index == NULL ? layout_index_new() : json_object_get(g->index);
	bundle_describe(a, version, &text);
	oci_digest(buf_str(&text), text.len, digest);
	put_entry(index, ref, OCI_MANIFEST, digest, (int64_t)text.len, BUNDLE_TYPE, NULL);
	if (put_images(g, index, err) < 0)
		return -1;
	layout_index_sort(index);
	if (g->n_wanted == 0 && before != NULL && strcmp(before, json_object_to_json_string(index)) == 0)
		return 0;
	if (layout_add(g->folder, buf_str(&text), text.len, digest, err) < 0)
		return -1;
	if (layout_add(g->folder, "{}", 2, digest, err) < 0) /* the empty config that artifact manifests share */
		return -1;
	return layout_index_write(g->folder, index, err);
}

/* ---- all of it ---- */

static int add_image_source(struct gather *g, const char *image, struct error **err)
{
	CLEANUP_REFERENCE struct reference r = {0};
	struct source *s = &g->sources[g->n];

	if (reference_parse(image, &r, err) < 0)
		return -1;
	s->image = image;
	s->label = reference_local(&r);
	s->pull = pull_new(g->http, &r, g->mirror);
	g->n++;
	return 0;
}

static int add_sources(struct gather *g, struct error **err)
{
	const struct catalogue *c = &g->catalogue;

	g->sources = xnew_n(struct source, c->n + c->images.n);
	for (size_t i = 0; i < c->n; i++) {
		g->sources[g->n].item = &c->items[i];
		g->sources[g->n].label = xstrdup(c->items[i].name);
		g->sources[g->n].url = catalogue_url(c->items[i].url, c->items[i].digest == NULL ? g->mirror : NULL);
		g->n++;
	}
	for (size_t i = 0; i < c->images.n; i++)
		if (add_image_source(g, c->images.v[i], err) < 0)
			return -1;
	return 0;
}

/* What an earlier run has put into the index; an index that cannot be read is started anew. */
static void read_earlier(struct gather *g, const char *version)
{
	struct json_object *manifests;

	if (layout_index(g->folder, &g->index, NULL) < 0)
		return;
	if (bundle_recorded(g->folder, g->index, version, &g->recorded, NULL) < 0)
		return;
	manifests = json_at(g->index, "manifests");
	for (size_t i = 0; i < json_len(manifests); i++) {
		CLEANUP_DESCRIPTOR struct descriptor d = {0};
		struct descriptor *blobs = NULL;
		size_t n = 0;

		if (descriptor_parse(json_object_array_get_idx(manifests, i), &d, NULL) < 0 ||
		    bundle_image_blobs(g->folder, &d, &blobs, &n, NULL) < 0)
			continue;
		for (size_t b = 0; b < n; b++)
			strv_addf(&g->trusted, "%s %lld", blobs[b].digest, (long long)blobs[b].size);
		descriptor_list_free(blobs, n);
	}
}

static void tell_waiting(void *context)
{
	const struct gather *g = context;

	log_info("another run is filling the bundle %s: waiting for it", g->folder);
}

static int fill(struct gather *g, const struct spec *spec, struct artifacts *ret, struct error **err)
{
	read_earlier(g, spec->version);
	if (add_sources(g, err) < 0 || run_all(g, g->n, RESOLVE_WIDTH, resolve, err) < 0)
		return -1;
	plan_fetches(g);
	if (run_all(g, g->n_wanted, FETCH_WIDTH, fetch_wanted, err) < 0)
		return -1;
	fill_artifacts(g, ret);
	return write_down(g, spec->version, ret, err);
}

static void gather_free(struct gather *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->sources[i].label);
		free(g->sources[i].url);
		pull_free(g->sources[i].pull);
		descriptor_list_free(g->sources[i].blobs, g->sources[i].n_blobs);
	}
	free(g->sources);
	free(g->wanted);
	json_object_put(g->index);
	artifacts_free(&g->recorded);
	strv_free(&g->trusted);
	catalogue_free(&g->catalogue);
	http_free(g->http);
}

static int check_mirror(const char *mirror, struct error **err)
{
	static const char *const schemes[] = {"https://", "http://", "file:///"};

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (mirror == NULL || strncmp(mirror, schemes[i], strlen(schemes[i])) == 0)
			return 0;
	return error_set(err, ERROR_CONFIG, "mirror \"%s\": expected an address that begins with https://, http:// or file:///",
			 mirror);
}

int bundle_create(const struct spec *spec, const char *folder, const char *mirror, struct events *events, struct artifacts *ret,
		  struct error **err)
{
	static const struct http_options options = {0};
	struct gather g = {.folder = folder, .mirror = mirror, .events = events};
	struct artifacts a = {0};
	int lock = -1, r;

	if (check_mirror(mirror, err) < 0 || catalogue_make(spec, &g.catalogue, err) < 0)
		return -1;
	r = layout_init(folder, err);
	if (r == 0)
		r = layout_lock(folder, tell_waiting, &g, &lock, err);
	if (r == 0)
		r = http_new(&options, &g.http, err);
	if (r == 0)
		r = fill(&g, spec, &a, err);
	gather_free(&g);
	if (lock >= 0)
		close(lock);
	if (r == 0)
		*ret = a;
	else
		artifacts_free(&a);
	return r;
}
