#include "registry/layout.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/path.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER "{\"imageLayoutVersion\":\"1.0.0\"}"

static int check_marker(const char *path, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_ERROR struct error *why = NULL;
	const char *version = NULL;

	if (path_read(path, &text, err) < 0)
		return -1;
	if (json_parse(buf_str(&text), text.len, path, &o, &why) < 0 ||
	    json_need_str(o, "imageLayoutVersion", &version, &why) < 0)
		return error_set(err, ERROR_CONFIG, "%s: %s: the folder is no OCI image layout; choose another for the bundle",
				 path, error_message(why));
	if (strncmp(version, "1.", 2) != 0)
		return error_set(err, ERROR_CONFIG,
				 "%s: OCI image layout version %s; davit reads 1.x: choose another folder for the bundle", path,
				 version);
	return 0;
}

int layout_init(const char *folder, struct error **err)
{
	CLEANUP_FREE char *blobs = xasprintf("%s/blobs/sha256", folder), *partial = xasprintf("%s/.partial", folder),
			  *marker = xasprintf("%s/oci-layout", folder);

	if (path_mkdirs(blobs, 0755, err) < 0 || path_mkdirs(partial, 0755, err) < 0)
		return -1;
	if (path_exists(marker))
		return check_marker(marker, err);
	return path_write(marker, MARKER, strlen(MARKER), 0644, err);
}

int layout_lock(const char *folder, void (*waiting)(void *context), void *context, int *ret_fd, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/.lock", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_errno(err, errno, "cannot open %s", path);
	for (bool told = false; flock(fd, LOCK_EX | LOCK_NB) < 0; told = true) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			int errnum = errno;

			close(fd);
			return error_errno(err, errnum, "cannot lock %s", path);
		}
		if (!told && waiting != NULL)
			waiting(context);
		if (cancel_sleep(100, err) < 0) {
			close(fd);
			return -1;
		}
	}
	*ret_fd = fd;
	return 0;
}

char *layout_blob_path(const char *folder, const char *digest)
{
	return xasprintf("%s/blobs/sha256/%s", folder, strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : digest);
}

char *layout_partial_path(const char *folder, const char *name)
{
	return xasprintf("%s/.partial/%s", folder, name);
}

int64_t layout_blob_size(const char *folder, const char *digest)
{
	CLEANUP_FREE char *path = layout_blob_path(folder, digest);
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

bool layout_has(const char *folder, const char *digest, int64_t size)
{
	int64_t found = layout_blob_size(folder, digest);

	return found >= 0 && (size < 0 || found == size);
}

static int check_size(const char *folder, const char *digest, int64_t size, struct error **err)
{
	int64_t found = layout_blob_size(folder, digest);

	if (found < 0)
		return error_set(err, ERROR_CONFIG, "%s: the blob %s is missing; fetch it again: davit bundle create", folder,
				 digest);
	if (size >= 0 && found != size)
		return error_set(err, ERROR_CONFIG,
				 "%s: the blob %s has %lld bytes, expected %lld; fetch it again: davit bundle create", folder,
				 digest, (long long)found, (long long)size);
	return 0;
}

int layout_verify(const char *folder, const char *digest, int64_t size, struct error **err)
{
	CLEANUP_FREE char *path = layout_blob_path(folder, digest);
	char hex[DIGEST_HEX_LEN + 1];

	if (check_size(folder, digest, size, err) < 0 || digest_file(path, hex, NULL, err) < 0)
		return -1;
	if (strcmp(hex, digest + 7) == 0)
		return 0;
	return error_set(
		err, ERROR_CONFIG,
		"%s is damaged: its bytes have the digest sha256:%s; remove that file, then fetch it again: davit bundle create",
		path, hex);
}

int layout_add(const char *folder, const void *data, size_t len, char ret_digest[OCI_DIGEST_LEN + 1], struct error **err)
{
	CLEANUP_FREE char *path = NULL;

	oci_digest(data, len, ret_digest);
	path = layout_blob_path(folder, ret_digest);
	if (layout_has(folder, ret_digest, (int64_t)len) && layout_verify(folder, ret_digest, (int64_t)len, NULL) == 0)
		return 0;
	return path_write(path, data, len, 0644, err);
}

int layout_read(const char *folder, const char *digest, struct buf *ret, struct error **err)
{
	CLEANUP_FREE char *path = layout_blob_path(folder, digest);
	char found[OCI_DIGEST_LEN + 1];

	if (check_size(folder, digest, -1, err) < 0)
		return -1;
	if (layout_blob_size(folder, digest) > (int64_t)OCI_MANIFEST_MAX)
		return error_set(err, ERROR_CONFIG, "%s: the blob %s is too large for a manifest", folder, digest);
	if (path_read(path, ret, err) < 0)
		return -1;
	oci_digest(buf_str(ret), ret->len, found);
	if (strcmp(found, digest) != 0)
		return error_set(
			err, ERROR_CONFIG,
			"%s is damaged: its bytes have the digest %s; remove that file, then fetch it again: davit bundle create",
			path, found);
	return 0;
}

int layout_manifest(const char *folder, const char *digest, struct manifest *ret, struct error **err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_ERROR struct error *why = NULL;

	if (layout_read(folder, digest, &text, err) < 0)
		return -1;
	if (json_parse(buf_str(&text), text.len, digest, &o, &why) < 0 || manifest_parse(o, ret, &why) < 0)
		return error_set(err, ERROR_CONFIG, "%s: the manifest %s: %s", folder, digest, error_message(why));
	return 0;
}

int layout_index(const char *folder, struct json_object **ret, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/index.json", folder);
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_ERROR struct error *why = NULL;
	struct json_object *manifests = NULL;

	if (path_read(path, &text, err) < 0)
		return -1;
	if (json_parse(buf_str(&text), text.len, "index", &o, &why) < 0 || json_need_array(o, "manifests", &manifests, &why) < 0)
		return error_set(err, ERROR_CONFIG, "%s: %s", path, error_message(why));
	*ret = steal_ptr(o);
	return 0;
}

struct json_object *layout_index_new(void)
{
	struct json_object *o = json_object_new_object();

	json_add_int(o, "schemaVersion", 2);
	json_add_str(o, "mediaType", OCI_INDEX);
	json_add(o, "manifests", json_object_new_array());
	return o;
}

static const char *entry_ref(struct json_object *entry)
{
	return json_get_key(json_at(entry, "annotations"), OCI_REF_NAME, "");
}

bool layout_index_find(struct json_object *index, const char *ref, struct descriptor *ret)
{
	return index_pick(index, ref, ret, NULL) == 0;
}

void layout_index_put(struct json_object *index, struct json_object *entry)
{
	struct json_object *manifests = json_at(index, "manifests");

	for (size_t i = json_len(manifests); i-- > 0;)
		if (strcmp(entry_ref(json_object_array_get_idx(manifests, i)), entry_ref(entry)) == 0)
			json_object_array_del_idx(manifests, i, 1);
	json_object_array_add(manifests, entry);
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(entry_ref(*(struct json_object *const *)a), entry_ref(*(struct json_object *const *)b));
}

void layout_index_sort(struct json_object *index)
{
	json_object_array_sort(json_at(index, "manifests"), compare_entries);
}

/* One flush for all blobs, and the rename that made them, instead of one wait for each. */
static int flush(const char *folder, struct error **err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return error_errno(err, errno, "cannot open %s", folder);
	r = syncfs(fd);
	close(fd);
	return r == 0 ? 0 : error_errno(err, errno, "cannot flush %s to the disk", folder);
}

int layout_index_write(const char *folder, struct json_object *index, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/index.json", folder);
	const char *text;

	layout_index_sort(index);
	text = json_object_to_json_string_ext(index, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (flush(folder, err) < 0)
		return -1;
	return path_write(path, text, strlen(text), 0644, err);
}
