#include "registry/oci.h"
#include "core/base/alloc.h"
#include "core/base/strv.h"

enum { INDEX_MAX = 10000, LAYERS_MAX = 1000 };

bool oci_digest_valid(const char *digest)
{
	return strncmp(digest, "sha256:", 7) == 0 && strlen(digest) == OCI_DIGEST_LEN &&
	       strspn(digest + 7, "0123456789abcdef") == DIGEST_HEX_LEN;
}

void oci_digest(const void *p, size_t n, char ret[OCI_DIGEST_LEN + 1])
{
	memcpy(ret, "sha256:", 7);
	digest_hex(p, n, ret + 7);
}

int oci_check(const void *p, size_t n, const char *digest, const char *what, struct error **err)
{
	char found[OCI_DIGEST_LEN + 1];

	oci_digest(p, n, found);
	if (strcmp(found, digest) == 0)
		return 0;
	return error_set(err, ERROR_REMOTE, "%s: its bytes have the digest %s, expected %s", what, found, digest);
}

int descriptor_parse(struct json_object *o, struct descriptor *ret, struct error **err)
{
	const char *digest = NULL;
	int64_t size = 0;
	struct json_object *annotations = json_at(o, "annotations");

	if (json_need_str(o, "digest", &digest, err) < 0 || json_need_int(o, "size", &size, err) < 0)
		return -1;
	if (!oci_digest_valid(digest))
		return error_set(err, ERROR_REMOTE, "digest: \"%s\" is not sha256: and 64 hexadecimal digits", digest);
	if (size < 0)
		return error_set(err, ERROR_REMOTE, "size: %lld is negative", (long long)size);
	*ret = (struct descriptor){
		.digest = xstrdup(digest),
		.media_type = xstrdup(json_get_str(o, "mediaType", "")),
		.size = size,
		.annotations = json_object_is_type(annotations, json_type_object) ? json_object_get(annotations) : NULL};
	return 0;
}

void descriptor_copy(struct descriptor *to, const struct descriptor *from)
{
	*to = (struct descriptor){.media_type = xstrdup(from->media_type),
				  .digest = xstrdup(from->digest),
				  .size = from->size,
				  .annotations = json_object_get(from->annotations)};
}

void descriptor_free(struct descriptor *d)
{
	free(d->media_type);
	free(d->digest);
	json_object_put(d->annotations);
	*d = (struct descriptor){0};
}

const char *descriptor_annotation(const struct descriptor *d, const char *key)
{
	return json_get_key(d->annotations, key, NULL);
}

struct json_object *descriptor_json(const struct descriptor *d)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "mediaType", d->media_type);
	json_add_str(o, "digest", d->digest);
	json_add_int(o, "size", d->size);
	if (d->annotations != NULL)
		json_add(o, "annotations", json_object_get(d->annotations));
	return o;
}

bool oci_is_index(struct json_object *document)
{
	return json_object_is_type(json_at(document, "manifests"), json_type_array);
}

/* Docker's schema 1 has no config and no way to be checked by digest; nothing newer than 2017 answers with it alone. */
static int check_kind(struct json_object *document, char **ret_media_type, struct error **err)
{
	const char *type = json_get_str(document, "mediaType", OCI_MANIFEST);

	if (json_get_int(document, "schemaVersion", 0) != 2)
		return error_set(err, ERROR_REMOTE, "schemaVersion: expected 2, found %lld",
				 (long long)json_get_int(document, "schemaVersion", 0));
	if (strcmp(type, OCI_MANIFEST) != 0 && strcmp(type, DOCKER_MANIFEST) != 0)
		return error_set(err, ERROR_REMOTE, "mediaType: \"%s\" is no image manifest", type);
	*ret_media_type = xstrdup(type);
	return 0;
}

static int parse_layers(struct json_object *layers, struct manifest *m, struct error **err)
{
	size_t n = json_len(layers);

	if (n > LAYERS_MAX)
		return error_set(err, ERROR_REMOTE, "layers: %zu are too many (at most %d)", n, LAYERS_MAX);
	m->layers = xnew_n(struct descriptor, n == 0 ? 1 : n);
	for (; m->n < n; m->n++)
		if (descriptor_parse(json_object_array_get_idx(layers, m->n), &m->layers[m->n], err) < 0)
			return error_wrap(err, "layers[%zu]", m->n);
	return 0;
}

int manifest_parse(struct json_object *document, struct manifest *ret, struct error **err)
{
	CLEANUP_MANIFEST struct manifest m = {0};
	struct json_object *config = NULL, *layers = NULL;

	if (check_kind(document, &m.media_type, err) < 0)
		return -1;
	if (json_need_object(document, "config", &config, err) < 0 || json_need_array(document, "layers", &layers, err) < 0)
		return -1;
	if (descriptor_parse(config, &m.config, err) < 0)
		return error_wrap(err, "config");
	if (parse_layers(layers, &m, err) < 0)
		return -1;
	*ret = m;
	m = (struct manifest){0};
	return 0;
}

void manifest_free(struct manifest *m)
{
	free(m->media_type);
	descriptor_free(&m->config);
	for (size_t i = 0; i < m->n; i++)
		descriptor_free(&m->layers[i]);
	free(m->layers);
	*m = (struct manifest){0};
}

static const char *ref_of(struct json_object *entry)
{
	return json_get_key(json_at(entry, "annotations"), OCI_REF_NAME, NULL);
}

/* 2: linux/amd64, 1: it does not say, 0: another (attestations are "unknown/unknown") */
static int platform_rank(struct json_object *entry)
{
	const char *os = json_get_str(entry, "platform.os", NULL), *arch = json_get_str(entry, "platform.architecture", NULL);

	if (os == NULL || arch == NULL)
		return 1;
	return strcmp(os, "linux") == 0 && strcmp(arch, "amd64") == 0 ? 2 : 0;
}

static int none_picked(struct json_object *manifests, const char *ref, struct error **err)
{
	CLEANUP_STRV struct strv found = STRV_INIT;
	CLEANUP_FREE char *list = NULL;

	for (size_t i = 0; i < json_len(manifests) && i < 20; i++) {
		struct json_object *entry = json_object_array_get_idx(manifests, i);
		const char *name = ref_of(entry);

		strv_addf(&found, "%s%s%s/%s", name == NULL ? "" : name, name == NULL ? "" : " for ",
			  json_get_str(entry, "platform.os", "?"), json_get_str(entry, "platform.architecture", "?"));
	}
	list = strv_join(&found, ", ");
	if (ref == NULL)
		return error_set(err, ERROR_NOT_FOUND, "there is no manifest for linux/amd64 in the index (it holds: %s)", list);
	return error_set(err, ERROR_NOT_FOUND, "there is no manifest of \"%s\" for linux/amd64 in the index (it holds: %s)", ref,
			 list);
}

int index_pick(struct json_object *index, const char *ref, struct descriptor *ret, struct error **err)
{
	struct json_object *manifests = NULL, *best = NULL;
	int rank = 0;

	if (json_need_array(index, "manifests", &manifests, err) < 0)
		return -1;
	if (json_len(manifests) > INDEX_MAX)
		return error_set(err, ERROR_REMOTE, "manifests: %zu are too many (at most %d)", json_len(manifests), INDEX_MAX);
	for (size_t i = 0; i < json_len(manifests); i++) {
		struct json_object *entry = json_object_array_get_idx(manifests, i);
		const char *name = ref_of(entry);

		if (ref != NULL && (name == NULL || strcmp(name, ref) != 0))
			continue;
		if (platform_rank(entry) > rank) {
			best = entry;
			rank = platform_rank(entry);
		}
	}
	return best == NULL ? none_picked(manifests, ref, err) : descriptor_parse(best, ret, err);
}
