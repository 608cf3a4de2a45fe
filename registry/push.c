/* push: registry_push(): a bundle into the cluster's registry, what the first node needs first. */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/cluster/plan.h"
#include "registry/bundle.h"
#include "registry/catalogue.h"
#include "registry/client.h"
#include "registry/reference.h"
#include "registry/registry.h"
#include <stdatomic.h>

enum { WIDTH = 4, VERIFY_WIDTH = 8, PROGRESS_MS = 200 };

/* One artifact's blob, or an image with all of its blobs. */
struct item {
	size_t rank;
	const char *name;
	char *repository, *tag;	  /* tag NULL: no manifest (an artifact) */
	struct descriptor *blobs; /* of an image the manifest is the first */
	size_t n;
};

/* A blob that was sent by this run. */
struct sent {
	const char *repository, *digest;
	int64_t size;
};

struct push {
	const struct registry_push *p;
	struct client client;
	struct item *items;
	size_t n;
	struct sent *sent; /* room for all blobs */
	atomic_size_t n_sent;
	_Atomic int64_t done, told_ms;
	int64_t total;
	bool empty; /* no push has ever begun here: no need to ask for each blob */
};

static void tell(int64_t bytes, void *context)
{
	struct push *push = context;
	int64_t now = clock_ms(), done = atomic_fetch_add(&push->done, bytes) + bytes;
	int64_t last = atomic_load(&push->told_ms);

	if (now < last + PROGRESS_MS || !atomic_compare_exchange_strong(&push->told_ms, &last, now))
		return;
	event_progress(push->p->events, push->p->subject, "push", "%.0f of %.0f MB", (double)done / 1e6,
		       (double)push->total / 1e6);
}

/* ---- what is to be there ---- */

static void add_artifact(struct push *push, const struct artifact *a)
{
	struct item *item = &push->items[push->n++];

	*item = (struct item){.rank = catalogue_rank(a->name), .name = a->name, .repository = xstrdup(REGISTRY_BLOBS), .n = 1};
	item->blobs = xnew_n(struct descriptor, 1);
	item->blobs[0] = (struct descriptor){.media_type = xstrdup(""), .digest = xstrdup(a->digest), .size = a->size};
	push->total += a->size;
}

static int add_image(struct push *push, struct json_object *index, const char *local, struct error **err)
{
	struct item *item = &push->items[push->n++];
	CLEANUP_DESCRIPTOR struct descriptor d = {0};

	*item = (struct item){.rank = catalogue_rank(local), .name = local};
	if (!layout_index_find(index, local, &d))
		return error_set(err, ERROR_CONFIG, "the bundle %s lacks the image %s; complete it: davit bundle create",
				 push->p->folder, local);
	if (reference_split_local(local, &item->repository, &item->tag, err) < 0 ||
	    bundle_image_blobs(push->p->folder, &d, &item->blobs, &item->n, err) < 0)
		return error_wrap(err, "image %s", local);
	for (size_t i = 1; i < item->n; i++)
		push->total += item->blobs[i].size;
	return 0;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int add_items(struct push *push, struct error **err)
{
	const struct artifacts *a = push->p->artifacts;
	CLEANUP_JSON struct json_object *index = NULL;
	size_t blobs = 0;

	push->items = xnew_n(struct item, a->n + a->images.n);
	for (size_t i = 0; i < a->n; i++)
		add_artifact(push, &a->items[i]);
	if (a->images.n > 0 && layout_index(push->p->folder, &index, err) < 0)
		return -1;
	for (size_t i = 0; i < a->images.n; i++)
		if (add_image(push, index, a->images.v[i], err) < 0)
			return -1;
	qsort(push->items, push->n, sizeof(*push->items), compare_items);
	for (size_t i = 0; i < push->n; i++)
		blobs += push->items[i].n;
	push->sent = xnew_n(struct sent, blobs);
	return 0;
}

/* ---- one item ---- */

static int wrong_length(const struct push *push, const char *repository, const struct descriptor *blob, int64_t found,
			struct error **err)
{
	return error_set(err, ERROR_REMOTE,
			 "the registry %s holds %lld bytes as %s of %s, which has %lld: its storage is damaged; make it anew: "
			 "davit node replace its server",
			 push->client.host, (long long)found, blob->digest, repository, (long long)blob->size);
}

static int push_blob(struct push *push, const char *repository, const struct descriptor *blob, struct error **err)
{
	CLEANUP_FREE char *path = layout_blob_path(push->p->folder, blob->digest);
	struct client_upload u = {.repository = repository,
				  .digest = blob->digest,
				  .path = path,
				  .size = blob->size,
				  .progress = tell,
				  .context = push};
	int64_t found = -1;

	if (!push->empty && client_blob(&push->client, repository, blob->digest, &found, err) < 0)
		return -1;
	if (found >= 0 && found != blob->size)
		return wrong_length(push, repository, blob, found, err);
	if (found >= 0) {
		tell(blob->size, push);
		return 0;
	}
	if (client_upload(&push->client, &u, err) < 0)
		return -1;
	push->sent[atomic_fetch_add(&push->n_sent, 1)] =
		(struct sent){.repository = repository, .digest = blob->digest, .size = blob->size};
	return 0;
}

static int push_manifest(struct push *push, const char *repository, const char *tag, const char *media_type,
			 const struct buf *text, struct error **err)
{
	char digest[OCI_DIGEST_LEN + 1], found[OCI_DIGEST_LEN + 1];

	oci_digest(buf_str(text), text->len, digest);
	if (!push->empty && client_tag(&push->client, repository, tag, found, err) < 0)
		return -1;
	if (!push->empty && strcmp(found, digest) == 0)
		return 0;
	return client_put_manifest(&push->client, repository, tag, media_type, buf_str(text), text->len, err);
}

static int push_image_manifest(struct push *push, const struct item *item, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (layout_read(push->p->folder, item->blobs[0].digest, &text, err) < 0)
		return -1;
	return push_manifest(push, item->repository, item->tag, item->blobs[0].media_type, &text, err);
}

static int push_item(size_t i, void *context, struct error **err)
{
	struct push *push = context;
	const struct item *item = &push->items[i];

	for (size_t b = item->tag == NULL ? 0 : 1; b < item->n; b++)
		if (push_blob(push, item->repository, &item->blobs[b], err) < 0)
			return error_wrap(err, "push %s", item->name);
	if (item->tag != NULL && push_image_manifest(push, item, err) < 0)
		return error_wrap(err, "push %s", item->name);
	return 0;
}

/* ---- the end ---- */

/*
 * The empty config of the bundle's manifest goes first of all: where it is missing, no push has begun before this one.  (The
 * registry's own list of repositories does not tell: distribution leaves out those that have no manifest yet.)
 */
static int begin(struct push *push, struct error **err)
{
	char digest[OCI_DIGEST_LEN + 1];
	int64_t found = -1;

	oci_digest("{}", 2, digest);
	if (client_blob(&push->client, REGISTRY_BLOBS, digest, &found, err) < 0)
		return -1;
	push->empty = found < 0;
	return push->empty ? client_upload_small(&push->client, REGISTRY_BLOBS, digest, "{}", 2, err) : 0;
}

/* The manifest that names all artifacts keeps the registry's garbage collection from taking them for rubbish. */
static int push_bundle_manifest(struct push *push, struct error **err)
{
	const char *version = catalogue_version(push->p->artifacts);
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (version == NULL)
		return error_set(err, ERROR_INTERNAL, "a bundle without a kubelet or an engine has no version of its platform");
	bundle_describe(push->p->artifacts, version, &text);
	return push_manifest(push, REGISTRY_BLOBS, version, OCI_MANIFEST, &text, err);
}

static int verify_sent(size_t i, void *context, struct error **err)
{
	struct push *push = context;
	const struct sent *s = &push->sent[i];
	int64_t found = -1;

	if (client_blob(&push->client, s->repository, s->digest, &found, err) < 0)
		return -1;
	if (found == s->size)
		return 0;
	return error_set(
		err, ERROR_REMOTE,
		"the registry %s took %s of %s and now answers with a length of %lld instead of %lld (-1: it is not there)",
		push->client.host, s->digest, s->repository, (long long)found, (long long)s->size);
}

static int push_all(struct push *push, struct error **err)
{
	if (add_items(push, err) < 0 || begin(push, err) < 0 || parallel_for(push->n, WIDTH, push_item, push, NULL, err) < 0 ||
	    push_bundle_manifest(push, err) < 0)
		return -1;
	return parallel_for(atomic_load(&push->n_sent), VERIFY_WIDTH, verify_sent, push, NULL, err);
}

static void push_free(struct push *push)
{
	for (size_t i = 0; i < push->n; i++) {
		free(push->items[i].repository);
		free(push->items[i].tag);
		descriptor_list_free(push->items[i].blobs, push->items[i].n);
	}
	free(push->items);
	free(push->sent);
}

int registry_push(const struct registry_push *p, struct error **err)
{
	struct push push = {.p = p, .client = {.http = p->http, .host = p->host, .user = p->user, .password = p->password}};
	CLEANUP_ERROR struct error *why = NULL;
	int r;

	event_begin(p->events, p->subject, "push");
	r = push_all(&push, &why);
	push_free(&push);
	if (r == 0) {
		event_end(p->events, p->subject, "push");
		return 0;
	}
	event_fail(p->events, p->subject, "push", error_message(why));
	return error_move(err, steal_ptr(why));
}
