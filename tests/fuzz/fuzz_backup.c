/* The beginning of a backup's file: first line, header, and what was sealed. */
#include "core/base/alloc.h"
#include "core/cluster/backup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What can be read is written alike. */
static void check_header(const char *text, size_t len)
{
	CLEANUP_BACKUP struct backup b = {0}, c = {0};
	CLEANUP_BUF struct buf again = BUF_INIT, once_more = BUF_INIT;
	CLEANUP_ERROR struct error *err = NULL;

	if (backup_read(text, len, &b, &err) < 0) {
		if (b.cluster != NULL || error_message(err)[0] == '\0')
			abort();
		return;
	}
	backup_write(&b, &again);
	if (backup_read(buf_str(&again), again.len, &c, NULL) < 0)
		abort();
	backup_write(&c, &once_more);
	if (strcmp(buf_str(&again), buf_str(&once_more)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xmemdup(data, size);
	CLEANUP_ERROR struct error *err = NULL;
	struct backup_frame f = {0};
	char key[BACKUP_KEY_HEX + 1];
	CLEANUP_SECRET char *unlock = NULL;
	const char *recovery = NULL;
	char digest[DIGEST_HEX_LEN + 1];

	digest_hex("", 0, digest);
	if (backup_read_frame(text, size, &f, &err) == 0 && (f.line > size || f.line > BACKUP_LINE_MAX || f.header > BACKUP_HEADER_MAX))
		abort();
	check_header(text + f.line, size - f.line);
	if (backup_read_sealed(text, size, digest, key, &unlock, &recovery, NULL) == 0 && (recovery > text + size || strlen(key) != BACKUP_KEY_HEX))
		abort();
	return 0;
}
