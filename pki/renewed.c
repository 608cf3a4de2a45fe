#include "pki/renewed.h"
#include "core/base/alloc.h"
#include "pki/certificate.h"

/* "/var/lib/kubelet/pki/kubelet.crt" → "kubelet": names of the cluster's authority are those of the files (table.c). */
static char *name_of(const char *path)
{
	const char *base = strrchr(path, '/') + 1, *dot = strrchr(base, '.');

	return xstrndup(base, dot != NULL ? (size_t)(dot - base) : strlen(base));
}

/* The first certificate alone; its issuers stay with the node. */
static int add(const struct file *f, struct json_object *to, int64_t *end)
{
	CLEANUP_FREE char *name = name_of(f->path);
	CLEANUP_BUF struct buf pem = BUF_INIT;
	CLEANUP_X509 X509 *c = NULL;

	if (certificate_parse_first(f->path, buf_str(&f->content), f->content.len, &c, NULL) < 0 || certificate_write(c, &pem, NULL) < 0)
		return -1;
	json_add_str(to, name, buf_str(&pem));
	if (certificate_not_after(c) < *end)
		*end = certificate_not_after(c);
	return 0;
}

struct json_object *renewed_data(const struct fileset *files)
{
	struct json_object *data = json_object_new_object();
	int64_t end = INT64_MAX;
	CLEANUP_FREE char *text = NULL;

	for (size_t i = 0; i < files->n; i++)
		if (files->files[i].identity != NULL)
			(void)!add(&files->files[i], data, &end);
	if (end == INT64_MAX) {
		json_object_put(data);
		return NULL;
	}
	text = xasprintf("%lld", (long long)end);
	json_add_str(data, "ends", text);
	return data;
}

void renewed_digest(const struct fileset *files, char ret_hex[DIGEST_HEX_LEN + 1])
{
	struct digest *d = digest_new();

	for (size_t i = 0; i < files->n; i++)
		if (files->files[i].identity != NULL)
			digest_update(d, files->files[i].identity, strlen(files->files[i].identity));
	digest_final(d, ret_hex);
}
