#include "registry/bundle.h"
#include "core/base/alloc.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "core/cluster/plan.h"
#include "registry/reference.h"
#include "registry/registry.h"

#define EMPTY_CONFIG "{}"
#define EMPTY_DIGEST "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

/* By enum artifact_format. */
static const struct {
	const char *name, *media_type;
} formats[] = {
	[ARTIFACT_FILE] = {"file", "application/octet-stream"},
	[ARTIFACT_GZ] = {"gz", "application/gzip"},
	[ARTIFACT_TAR_GZ] = {"tar.gz", "application/gzip"},
	[ARTIFACT_DEB] = {"deb", "application/vnd.debian.binary-package"},
	[ARTIFACT_IMAGES] = {"images", "application/octet-stream"},
};

char *bundle_ref(const char *version)
{
	return xasprintf("%s:%s", REGISTRY_BLOBS, version);
}

char *bundle_blob_path(const char *folder, const char *digest)
{
	return layout_blob_path(folder, digest);
}

/* ---- writing ---- */

static char *role_names(unsigned roles)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	for (enum node_role r = NODE_CONTROL_PLANE; r <= NODE_REGISTRY; r++)
		if (roles & ARTIFACT_ROLES(r))
			strv_add(&names, node_role_name(r));
	return strv_join(&names, " ");
}

static struct json_object *layer_json(const struct artifact *a)
{
	struct json_object *o = json_object_new_object(), *notes = json_object_new_object();
	CLEANUP_FREE char *programs = strv_join(&a->programs, " "), *roles = role_names(a->roles),
			  *strip = xasprintf("%u", a->strip);
	const char *slash = a->source == NULL ? NULL : strrchr(a->source, '/');

	json_add_str(o, "mediaType", formats[a->format].media_type);
	json_add_str(o, "digest", a->digest);
	json_add_int(o, "size", a->size);
	json_add_str(notes, OCI_TITLE, slash == NULL ? a->name : slash + 1);
	json_add_str(notes, "dev.davit.name", a->name);
	json_add_str(notes, "dev.davit.version", a->version);
	json_add_str(notes, "dev.davit.format", formats[a->format].name);
	json_add_str(notes, "dev.davit.strip", strip);
	json_add_str(notes, "dev.davit.programs", programs);
	json_add_str(notes, "dev.davit.roles", roles);
	json_add_str(notes, BUNDLE_SOURCE, a->source);
	json_add_str(notes, BUNDLE_CONTENT, a->content);
	json_add_str(notes, "dev.davit.checksum", a->unpublished ? "first-download" : "published");
	json_add(o, "annotations", notes);
	return o;
}

void bundle_describe(const struct artifacts *a, const char *version, struct buf *ret)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *config = json_object_new_object(), *layers = json_object_new_array(),
			   *notes = json_object_new_object();

	json_add_int(o, "schemaVersion", 2);
	json_add_str(o, "mediaType", OCI_MANIFEST);
	json_add_str(o, "artifactType", BUNDLE_TYPE);
	json_add_str(config, "mediaType", OCI_EMPTY);
	json_add_str(config, "digest", EMPTY_DIGEST);
	json_add_int(config, "size", (int64_t)strlen(EMPTY_CONFIG));
	json_add(o, "config", config);
	for (size_t i = 0; i < a->n; i++)
		json_object_array_add(layers, layer_json(&a->items[i]));
	json_add(o, "layers", layers);
	json_add_str(notes, "dev.davit.kubernetes", version);
	json_add(o, "annotations", notes);
	buf_add(ret, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* ---- reading ---- */

static int need_note(const struct descriptor *d, const char *key, const char **ret, struct error **err)
{
	*ret = descriptor_annotation(d, key);
	return *ret == NULL ? error_set(err, ERROR_CONFIG, "annotation %s: missing", key) : 0;
}

/* What becomes part of paths and commands on nodes must be a plain name. */
static int check_name(const char *what, const char *s, struct error **err)
{
	if (*s != '\0' && *s != '.' && *s != '-' &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-") == strlen(s))
		return 0;
	return error_set(err, ERROR_CONFIG, "annotation %s: \"%s\" is no plain name", what, s);
}

static int parse_format(const char *s, enum artifact_format *ret, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i].name, s) == 0) {
			*ret = (enum artifact_format)i;
			return 0;
		}
	}
	return error_set(err, ERROR_CONFIG, "annotation dev.davit.format: \"%s\" is none of \"file\", \"gz\", \"tar.gz\", \"deb\" and \"images\"", s);
}

static int check_content(const struct artifact *a, struct error **err)
{
	if (a->format != ARTIFACT_GZ && a->content == NULL)
		return 0;
	if (a->format == ARTIFACT_GZ && a->content != NULL && oci_digest_valid(a->content))
		return 0;
	return error_set(err, ERROR_CONFIG, "annotation " BUNDLE_CONTENT ": \"%s\" is no digest of a compressed program",
			 a->content != NULL ? a->content : "");
}

static int parse_roles(const char *s, unsigned *ret, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;

	strv_split(&names, s, " ");
	for (size_t i = 0; i < names.n; i++) {
		enum node_role r = NODE_CONTROL_PLANE;

		while (r <= NODE_REGISTRY && strcmp(node_role_name(r), names.v[i]) != 0)
			r++;
		if (r > NODE_REGISTRY)
			return error_set(err, ERROR_CONFIG, "annotation dev.davit.roles: \"%s\" is no role", names.v[i]);
		*ret |= ARTIFACT_ROLES(r);
	}
	return 0;
}

static int parse_strip(const char *s, unsigned *ret, struct error **err)
{
	if (s[0] < '0' || s[0] > '9' || s[1] != '\0')
		return error_set(err, ERROR_CONFIG, "annotation dev.davit.strip: \"%s\" is no number from 0 to 9", s);
	*ret = (unsigned)(s[0] - '0');
	return 0;
}

static int parse_programs(const char *s, struct strv *ret, struct error **err)
{
	strv_split(ret, s, " ");
	for (size_t i = 0; i < ret->n; i++)
		if (check_name("dev.davit.programs", ret->v[i], err) < 0)
			return -1;
	return 0;
}

static int parse_layer(const struct descriptor *d, struct artifact *a, struct error **err)
{
	const char *name, *version, *format, *strip, *programs, *roles, *source = descriptor_annotation(d, BUNDLE_SOURCE);
	const char *checksum = descriptor_annotation(d, "dev.davit.checksum"), *content = descriptor_annotation(d, BUNDLE_CONTENT);

	if (need_note(d, "dev.davit.name", &name, err) < 0 || need_note(d, "dev.davit.version", &version, err) < 0 ||
	    need_note(d, "dev.davit.format", &format, err) < 0 || need_note(d, "dev.davit.strip", &strip, err) < 0 ||
	    need_note(d, "dev.davit.programs", &programs, err) < 0 || need_note(d, "dev.davit.roles", &roles, err) < 0)
		return -1;
	if (check_name("dev.davit.name", name, err) < 0 || check_name("dev.davit.version", version, err) < 0)
		return -1;
	a->name = xstrdup(name);
	a->version = xstrdup(version);
	a->digest = xstrdup(d->digest);
	a->size = d->size;
	a->source = xstrdup(source);
	a->content = xstrdup(content);
	a->unpublished = checksum != NULL && strcmp(checksum, "first-download") == 0;
	if (parse_format(format, &a->format, err) < 0 || check_content(a, err) < 0 || parse_strip(strip, &a->strip, err) < 0 ||
	    parse_roles(roles, &a->roles, err) < 0)
		return -1;
	return parse_programs(programs, &a->programs, err);
}

int bundle_parse(const char *text, size_t len, const char *what, struct artifacts *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_MANIFEST struct manifest m = {0};
	CLEANUP_ERROR struct error *why = NULL;
	struct artifacts a = {0};

	if (json_parse(text, len, what, &o, &why) < 0 || manifest_parse(o, &m, &why) < 0)
		return error_set(err, ERROR_CONFIG, "%s: %s", what, error_message(why));
	if (strcmp(json_get_str(o, "artifactType", ""), BUNDLE_TYPE) != 0)
		return error_set(err, ERROR_CONFIG, "%s: artifactType: \"%s\" is not " BUNDLE_TYPE, what,
				 json_get_str(o, "artifactType", ""));
	for (size_t i = 0; i < m.n; i++) {
		array_grow(a.items, a.n, a.cap);
		a.items[a.n++] = (struct artifact){0};
		if (parse_layer(&m.layers[i], &a.items[i], err) < 0) {
			artifacts_free(&a);
			return error_wrap(err, "%s: layers[%zu]", what, i);
		}
	}
	*ret = a;
	return 0;
}

int bundle_recorded(const char *folder, struct json_object *index, const char *version, struct artifacts *ret, struct error **err)
{
	CLEANUP_FREE char *ref = bundle_ref(version);
	CLEANUP_DESCRIPTOR struct descriptor d = {0};
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (index == NULL || !layout_index_find(index, ref, &d))
		return 0;
	if (layout_read(folder, d.digest, &text, err) < 0 || bundle_parse(buf_str(&text), text.len, ref, ret, err) < 0)
		return error_wrap(err, "bundle %s", folder);
	return 0;
}

void descriptor_list_free(struct descriptor *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		descriptor_free(&list[i]);
	free(list);
}

int bundle_image_blobs(const char *folder, const struct descriptor *manifest, struct descriptor **ret, size_t *ret_n,
		       struct error **err)
{
	CLEANUP_MANIFEST struct manifest m = {0};
	struct descriptor *list;

	if (layout_manifest(folder, manifest->digest, &m, err) < 0)
		return -1;
	list = xnew_n(struct descriptor, m.n + 2);
	descriptor_copy(&list[0], manifest);
	descriptor_copy(&list[1], &m.config);
	for (size_t i = 0; i < m.n; i++)
		descriptor_copy(&list[i + 2], &m.layers[i]);
	*ret = list;
	*ret_n = m.n + 2;
	return 0;
}

/* ---- loading ---- */

struct load {
	const char *folder;
	bool verify;
	struct strv digests; /* blobs to be checked, with their sizes */
	int64_t *sizes;
	size_t n_sizes, cap_sizes;
	struct strv lacking;
};

static void want_blob(struct load *l, const char *digest, int64_t size)
{
	array_grow(l->sizes, l->n_sizes, l->cap_sizes);
	l->sizes[l->n_sizes++] = size;
	strv_add(&l->digests, digest);
}

static void copy_artifact(struct artifact *to, const struct artifact *from)
{
	*to = *from;
	to->name = xstrdup(from->name);
	to->version = xstrdup(from->version);
	to->digest = xstrdup(from->digest);
	to->source = xstrdup(from->source);
	to->content = xstrdup(from->content);
	to->programs = STRV_INIT;
	strv_copy(&to->programs, &from->programs);
}

static void load_artifacts(struct load *l, const struct catalogue *c, const struct artifacts *recorded, struct artifacts *ret)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct artifact *a = artifacts_find(recorded, c->items[i].name);

		if (a == NULL || strcmp(a->version, c->items[i].version) != 0 ||
		    (c->items[i].digest != NULL && strcmp(a->digest, c->items[i].digest) != 0)) {
			strv_addf(&l->lacking, "%s %s%s%s%s", c->items[i].name, c->items[i].version,
				  a == NULL ? "" : " (it holds ", a == NULL ? "" : a->version, a == NULL ? "" : ")");
			continue;
		}
		array_grow(ret->items, ret->n, ret->cap);
		copy_artifact(&ret->items[ret->n++], a);
		want_blob(l, a->digest, a->size);
	}
}

static int load_image(struct load *l, struct json_object *index, const char *image, struct artifacts *ret, struct error **err)
{
	CLEANUP_REFERENCE struct reference r = {0};
	CLEANUP_DESCRIPTOR struct descriptor d = {0};
	CLEANUP_FREE char *local = NULL;
	struct descriptor *blobs = NULL;
	size_t n = 0;

	if (reference_parse(image, &r, err) < 0)
		return -1;
	local = reference_local(&r);
	if (!layout_index_find(index, local, &d)) {
		strv_addf(&l->lacking, "the image %s", image);
		return 0;
	}
	if (bundle_image_blobs(l->folder, &d, &blobs, &n, err) < 0)
		return error_wrap(err, "image %s", local);
	for (size_t i = 0; i < n; i++)
		want_blob(l, blobs[i].digest, blobs[i].size);
	descriptor_list_free(blobs, n);
	strv_add(&ret->images, local);
	return 0;
}

static int check_blob(size_t i, void *context, struct error **err)
{
	const struct load *l = context;

	if (l->verify || !layout_has(l->folder, l->digests.v[i], l->sizes[i]))
		return layout_verify(l->folder, l->digests.v[i], l->sizes[i], err); /* also says what is wrong */
	return 0;
}

static int load_all(struct load *l, const struct spec *spec, struct json_object *index, struct artifacts *ret, struct error **err)
{
	CLEANUP_CATALOGUE struct catalogue c = {0};
	CLEANUP_FREE char *lacking = NULL;
	struct artifacts recorded = {0};

	if (catalogue_make(spec, &c, err) < 0 || bundle_recorded(l->folder, index, spec->version, &recorded, err) < 0)
		return -1;
	load_artifacts(l, &c, &recorded, ret);
	artifacts_free(&recorded);
	for (size_t i = 0; i < c.images.n; i++)
		if (load_image(l, index, c.images.v[i], ret, err) < 0)
			return -1;
	lacking = strv_join(&l->lacking, ", ");
	if (l->lacking.n > 0)
		return error_set(err, ERROR_CONFIG, "the bundle %s lacks %s; complete it: davit bundle create -f %s", l->folder,
				 lacking, spec->path);
	return parallel_for(l->digests.n, l->verify ? 4 : 1, check_blob, l, NULL, err);
}

int bundle_load(const struct spec *spec, const char *folder, bool verify, struct artifacts *ret, struct error **err)
{
	struct load l = {.folder = folder, .verify = verify};
	CLEANUP_JSON struct json_object *index = NULL;
	CLEANUP_ERROR struct error *why = NULL;
	struct artifacts a = {0};
	int r;

	if (layout_index(folder, &index, &why) < 0)
		return error_is(why, ERROR_NOT_FOUND)
			       ? error_set(err, ERROR_CONFIG, "%s holds no bundle; make one: davit bundle create -f %s", folder,
					   spec->path)
			       : error_move(err, steal_ptr(why));
	r = load_all(&l, spec, index, &a, err);
	strv_free(&l.digests);
	strv_free(&l.lacking);
	free(l.sizes);
	if (r < 0)
		artifacts_free(&a);
	else
		*ret = a;
	return r;
}

char *bundle_default_folder(const struct spec *spec)
{
	CLEANUP_STRV struct strv images = STRV_INIT;
	CLEANUP_FREE char *cache = path_xdg("XDG_CACHE_HOME", ".cache"), *list = NULL, *key = NULL;
	char hex[DIGEST_HEX_LEN + 1];

	strv_copy(&images, &spec->artifacts.images);
	strv_sort(&images);
	list = strv_join(&images, "\n");
	key = xasprintf("%s\n%s", spec->artifacts.mirror == NULL ? "" : spec->artifacts.mirror, list);
	digest_hex(key, strlen(key), hex);
	return xasprintf("%s/bundles/%s-%.12s", cache, spec->version, hex);
}
