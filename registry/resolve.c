/* resolve: the first step of bundle_create(): digests of artifacts, manifests of images, and which blobs are there already. */
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "registry/bundle.h"
#include "registry/checksums.h"
#include "registry/gather.h"

enum { CHECKSUMS_MAX = 1024 * 1024 };

static bool mirror_is_file(const struct gather *g)
{
	return g->mirror != NULL && fetch_file_path(g->mirror) != NULL;
}

bool gather_has(const struct gather *g, const char *digest, int64_t size)
{
	CLEANUP_ERROR struct error *why = NULL;
	CLEANUP_FREE char *known = xasprintf("%s %lld", digest, (long long)layout_blob_size(g->folder, digest));

	if (!layout_has(g->folder, digest, size))
		return false;
	if (strv_has(&g->trusted, known) || layout_verify(g->folder, digest, size, &why) == 0)
		return true;
	log_verbose("%s", error_message(why));
	return false;
}

static const struct artifact *recorded_artifact(const struct gather *g, const struct source *s)
{
	const struct artifact *a = artifacts_find(&g->recorded, s->item->name);

	if (a == NULL || strcmp(a->version, s->item->version) != 0 || a->source == NULL || strcmp(a->source, s->item->url) != 0)
		return NULL;
	if (gather_packs(s) != (a->content != NULL)) /* a bundle of before programs were compressed */
		return NULL;
	return layout_has(g->folder, a->digest, a->size) ? a : NULL;
}

void gather_take(struct source *s, const char *digest, int64_t size)
{
	memcpy(s->digest, digest, sizeof(s->digest));
	s->size = size;
}

bool gather_packs(const struct source *s)
{
	return s->item != NULL && s->item->format == ARTIFACT_FILE;
}

/* As an earlier run has recorded it. */
static void take_recorded(struct source *s, const struct artifact *known)
{
	bool packed = known->content != NULL;

	gather_take(s, packed ? known->content : known->digest, known->size);
	if (packed)
		memcpy(s->packed, known->digest, sizeof(s->packed));
}

/* *ret_digest "" where nobody says what it should be. */
static int published_digest(struct gather *g, const struct source *s, char ret_digest[OCI_DIGEST_LEN + 1], struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_FREE char *url = NULL;
	const char *path = fetch_file_path(s->url);

	*ret_digest = '\0';
	if (s->item->checksum_url == NULL && path == NULL)
		return 0;
	memcpy(ret_digest, "sha256:", 7);
	if (s->item->checksum_url == NULL)
		return digest_file(path, ret_digest + 7, NULL, err);
	url = catalogue_url(s->item->checksum_url, g->mirror);
	if (fetch_text(g->http, url, NULL, CHECKSUMS_MAX, &text, err) < 0)
		return error_wrap(err, "checksum file");
	if (checksums_find(buf_str(&text), text.len, strrchr(s->item->url, '/') + 1, ret_digest + 7, err) < 0)
		return error_wrap(err, "%s", url);
	return 0;
}

/* Pins stay, as upstream's files do not change; where reading them again is free, a rebuilt mirror is followed. */
int gather_resolve_artifact(struct gather *g, struct source *s, struct error **err)
{
	const struct artifact *known = recorded_artifact(g, s);
	CLEANUP_ERROR struct error *why = NULL;
	char digest[OCI_DIGEST_LEN + 1];

	if (s->item->digest != NULL) {
		gather_take(s, s->item->digest, 0);
		if (gather_has(g, s->item->digest, -1))
			s->size = layout_blob_size(g->folder, s->item->digest);
		else
			s->missing = 1;
		return 0;
	}
	if (known != NULL && !mirror_is_file(g)) {
		take_recorded(s, known);
		return 0;
	}
	if (published_digest(g, s, digest, &why) < 0) {
		if (known == NULL || !error_is(why, ERROR_NOT_FOUND))
			return error_move(err, steal_ptr(why));
		take_recorded(s, known); /* the mirror is gone; the bundle is complete without it */
		return 0;
	}
	gather_take(s, digest, 0);
	if (gather_packs(s)) {
		if (known != NULL && strcmp(known->content, digest) == 0 && gather_has(g, known->digest, known->size))
			take_recorded(s, known);
		else
			s->missing = 1;
		return 0;
	}
	if (*digest != '\0' && gather_has(g, digest, -1))
		s->size = layout_blob_size(g->folder, digest);
	else
		s->missing = 1;
	return 0;
}

/* The image as the index knows it, where all its blobs are there. */
static bool recorded_image(const struct gather *g, struct source *s)
{
	CLEANUP_DESCRIPTOR struct descriptor d = {0};
	const char *from;
	bool whole = true;

	if (g->index == NULL || !layout_index_find(g->index, s->label, &d))
		return false;
	from = descriptor_annotation(&d, BUNDLE_SOURCE);
	if (from == NULL || strcmp(from, s->image) != 0 || bundle_image_blobs(g->folder, &d, &s->blobs, &s->n_blobs, NULL) < 0)
		return false;
	for (size_t i = 0; i < s->n_blobs; i++)
		whole = whole && layout_has(g->folder, s->blobs[i].digest, s->blobs[i].size);
	if (whole) {
		gather_take(s, d.digest, d.size);
		return true;
	}
	descriptor_list_free(s->blobs, s->n_blobs);
	s->blobs = NULL;
	s->n_blobs = 0;
	return false;
}

int gather_resolve_image(struct gather *g, struct source *s, struct error **err)
{
	CLEANUP_BUF struct buf bytes = BUF_INIT;
	CLEANUP_MANIFEST struct manifest m = {0};
	CLEANUP_DESCRIPTOR struct descriptor d = {0};
	CLEANUP_ERROR struct error *why = NULL;

	if (!mirror_is_file(g) && recorded_image(g, s))
		return 0;
	if (pull_manifest(s->pull, &bytes, &m, &why) < 0)
		return error_is(why, ERROR_NOT_FOUND) && recorded_image(g, s) ? 0 : error_move(err, steal_ptr(why));
	if (layout_add(g->folder, buf_str(&bytes), bytes.len, s->digest, err) < 0)
		return -1;
	s->size = (int64_t)bytes.len;
	d = (struct descriptor){.media_type = xstrdup(m.media_type), .digest = xstrdup(s->digest), .size = s->size};
	if (bundle_image_blobs(g->folder, &d, &s->blobs, &s->n_blobs, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n_blobs; i++)
		s->missing += gather_has(g, s->blobs[i].digest, s->blobs[i].size) ? 0 : 1;
	return 0;
}
