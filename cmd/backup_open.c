#include "cmd/backup_open.h"
#include "cmd/passphrase.h"
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/recovery.h"

static int need_passphrase(const struct options *o, const struct backup_file *f, char **ret, struct error **err)
{
	CLEANUP_FREE char *who = strv_join(&f->header.sealed_for, ", ");

	if (!strv_has(&f->header.sealed_for, "passphrase"))
		return error_set(err, ERROR_USAGE, "%s is encrypted for %s: give the private key of it with --key", f->path, who);
	return passphrase_read(o, false, ret, err);
}

int backup_unseal(const struct options *o, struct backup_file *f, struct buf *ret, struct error **err)
{
	CLEANUP_SECRET char *passphrase = NULL;
	CLEANUP(buf_wipe) struct buf key = BUF_INIT;

	if (o->key == NULL ? need_passphrase(o, f, &passphrase, err) < 0 : path_read(o->key, &key, err) < 0)
		return -1;
	return backup_file_unseal(f, o->key != NULL ? buf_str(&key) : NULL, passphrase, ret, err);
}

int backup_open(const struct options *o, const char *path, const char *cluster, const char *uuid, struct backup_file *ret_file,
		     struct json_object **ret_recovery, struct error **err)
{
	CLEANUP_BACKUP_FILE struct backup_file f = {.fd = -1};
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP(recovery_free) struct json_object *recovery = NULL;

	if (backup_file_open(path, &f, err) < 0)
		return -1;
	if (backup_check_cluster(&f.header, cluster, uuid, err) < 0)
		return error_wrap(err, "%s", path);
	if (backup_unseal(o, &f, &text, err) < 0 || backup_file_verify(&f, err) < 0)
		return -1;
	if (recovery_parse(buf_str(&text), text.len, cluster, uuid, &recovery, err) < 0)
		return error_wrap(err, "%s", path);
	*ret_recovery = steal_ptr(recovery);
	*ret_file = f;
	f = (struct backup_file){.fd = -1};
	return 0;
}
