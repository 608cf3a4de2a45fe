#include "pki/rotation.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "pki/pki_internal.h"

/* The one write by which a pass begins: before it, and after it, whole sets of files are there for what the file says. */
#define NOTE "rotation"

int rotation_pass(const char *folder, enum pki_pass *ret, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/" NOTE, folder);
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (!path_exists(path)) {
		*ret = PKI_SETTLED;
		return 0;
	}
	if (path_read(path, &text, err) < 0)
		return -1;
	if (text.len != 2 || text.data[0] < '1' || text.data[0] > '3' || text.data[1] != '\n')
		return error_set(err, ERROR_CONFIG, "%s does not say which pass of \"davit certs rotate-ca\" has begun: put it back from a backup", path);
	*ret = (enum pki_pass)(text.data[0] - '0');
	return 0;
}

char *rotation_folder(const char *folder, enum pki_pass pass)
{
	return pass >= PKI_SIGNED ? xasprintf("%s/" ROTATION_NEW, folder) : xstrdup(folder);
}

static int write_pass(const char *folder, enum pki_pass pass, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/" NOTE, folder);
	char text[] = {(char)('0' + pass), '\n'};

	return path_write(path, text, sizeof(text), 0600, err);
}

/* What a rotation that never came to its first pass has left has not been given to anybody. */
static int begin(const char *folder, const struct pki_options *options, bool sa, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/" ROTATION_NEW, folder);
	struct generation g = {0};

	if (path_remove_tree(path, err) < 0 || generation_open(path, options, true, sa, &g, err) < 0)
		return -1;
	generation_clear(&g);
	return write_pass(folder, PKI_TRUSTED, err);
}

static bool is_public(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && (strcmp(dot, ".crt") == 0 || strcmp(dot, ".pub") == 0);
}

static int move(const char *folder, const char *name, struct error **err)
{
	CLEANUP_FREE char *from = xasprintf("%s/" ROTATION_NEW "/%s", folder, name), *to = xasprintf("%s/%s", folder, name);
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (!path_exists(from))
		return 0;
	return path_read(from, &text, err) < 0 ? -1 : path_write(to, text.data, text.len, is_public(name) ? 0644 : 0600, err);
}

static int move_authority(const char *folder, const char *name, struct error **err)
{
	CLEANUP_FREE char *certificate = xasprintf("%s.crt", name), *key = xasprintf("%s.key", name);

	return move(folder, key, err) < 0 ? -1 : move(folder, certificate, err);
}

/* While the note says that the new ones alone count, nobody reads the folder's own: they may be half of each. */
static int end(const char *folder, struct error **err)
{
	CLEANUP_FREE char *note = xasprintf("%s/" NOTE, folder), *new = xasprintf("%s/" ROTATION_NEW, folder);
	CLEANUP_FREE char *site = xasprintf("%s/site.crt", folder), *new_site = xasprintf("%s/" ROTATION_NEW "/site.crt", folder);

	for (size_t i = 0; i < PKI_SIGNERS; i++)
		if (move_authority(folder, table_authorities[i].name, err) < 0)
			return -1;
	if (move(folder, "sa.key", err) < 0 || move(folder, "sa.pub", err) < 0 || move(folder, "site.crt", err) < 0)
		return -1;
	if (!path_exists(new_site) && path_remove_tree(site, err) < 0)
		return -1;
	return path_remove_tree(note, err) < 0 ? -1 : path_remove_tree(new, err);
}

int rotation_go(const char *folder, const struct pki_options *options, enum pki_pass to, bool sa, struct error **err)
{
	enum pki_pass at = PKI_SETTLED;

	if (rotation_pass(folder, &at, err) < 0)
		return -1;
	if (to == at)
		return 0;
	if (to == PKI_SETTLED && at == PKI_ALONE)
		return end(folder, err);
	if ((int)to != (int)at + 1)
		return error_set(err, ERROR_INTERNAL, "pass %d of a rotation does not follow pass %d", (int)to, (int)at);
	return to == PKI_TRUSTED ? begin(folder, options, sa, err) : write_pass(folder, to, err);
}
