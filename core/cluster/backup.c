#include "core/cluster/backup.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/cluster/version.h"
#include <stdio.h>

#define MAGIC "davit-backup/1"
#define SEALED "sealed/1"
#define ENDING ".davit-backup"
#define HEX "0123456789abcdef"

void backup_clear(struct backup *b)
{
	free(b->cluster);
	free(b->uuid);
	free(b->docker);
	free(b->mke);
	free(b->kubernetes);
	free(b->etcd);
	free(b->storage);
	free(b->node);
	strv_free(&b->sealed_for);
	*b = (struct backup){0};
}

static bool is_hex(const char *s, size_t n)
{
	return strspn(s, HEX) == n && s[n] == '\0';
}

/* ---- the frame */

void backup_write_frame(const struct backup_frame *f, struct buf *ret)
{
	buf_addf(ret, MAGIC " %zu %zu %s\n", f->header, f->sealed, f->sealed_sha256);
}

/* Decimal digits alone, and not more than `max`. */
static bool number(const char *word, size_t max, size_t *ret)
{
	size_t n = strspn(word, "0123456789");

	if (n == 0 || n > 9 || word[n] != '\0')
		return false;
	*ret = strtoul(word, NULL, 10);
	return *ret > 0 && *ret <= max;
}

int backup_read_frame(const char *text, size_t len, struct backup_frame *ret, struct error **err)
{
	const char *end = memchr(text, '\n', len < BACKUP_LINE_MAX ? len : BACKUP_LINE_MAX);
	CLEANUP_STRV struct strv words = STRV_INIT;
	CLEANUP_BUF struct buf line = BUF_INIT;

	if (end == NULL || len < strlen(MAGIC) || memcmp(text, MAGIC, strlen(MAGIC)) != 0)
		return error_set(err, ERROR_CONFIG, "it is no backup of davit's: it does not begin with " MAGIC);
	buf_add_mem(&line, text, (size_t)(end - text));
	strv_split(&words, buf_str(&line), " ");
	if (words.n != 4 || strcmp(words.v[0], MAGIC) != 0 || !number(words.v[1], BACKUP_HEADER_MAX, &ret->header) ||
	    !number(words.v[2], BACKUP_SEALED_MAX, &ret->sealed) || !is_hex(words.v[3], DIGEST_HEX_LEN))
		return error_set(err, ERROR_CONFIG, "it is damaged: its first line is not right");
	ret->line = (size_t)(end - text) + 1;
	memcpy(ret->sealed_sha256, words.v[3], sizeof(ret->sealed_sha256));
	return 0;
}

/* ---- the header */

void backup_write(const struct backup *b, struct buf *ret)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *snapshot = json_object_new_object(), *sealed = json_object_new_array();
	CLEANUP_FREE char *taken = clock_rfc3339(b->taken_ms);

	json_add_str(o, "cluster", b->cluster);
	json_add_str(o, "uuid", b->uuid);
	json_add_str(o, "taken", taken);
	if (b->docker != NULL) {
		json_add_str(o, "docker", b->docker);
		json_add_str(o, "mke", b->mke);
	} else {
		json_add_str(o, "kubernetes", b->kubernetes);
		json_add_str(o, "etcd", b->etcd);
		json_add_str(o, "storage", b->storage);
	}
	json_add_str(o, "node", b->node);
	json_add_int(snapshot, "size", b->size);
	if (b->docker == NULL) {
		json_add_int(snapshot, "revision", b->revision);
		json_add_int(snapshot, "keys", b->keys);
	}
	json_add_str(snapshot, "sha256", b->sha256);
	json_add(o, "snapshot", snapshot);
	for (size_t i = 0; i < b->sealed_for.n; i++)
		json_object_array_add(sealed, json_object_new_string(b->sealed_for.v[i]));
	json_add(o, "sealedFor", sealed);
	buf_add(ret, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	buf_add_char(ret, '\n');
}

/* A text without control characters: it is shown to people. */
static int need_text(struct json_object *o, const char *key, char **ret, struct error **err)
{
	const char *s = NULL;

	if (json_need_str(o, key, &s, err) < 0)
		return -1;
	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return error_set(err, ERROR_CONFIG, "%s: it is damaged", key);
	*ret = xstrdup(s);
	return 0;
}

static int read_snapshot(struct json_object *o, struct backup *ret, struct error **err)
{
	const char *sha256 = NULL;

	if (json_need_int(o, "snapshot.size", &ret->size, err) < 0 || json_need_str(o, "snapshot.sha256", &sha256, err) < 0)
		return -1;
	if (ret->size <= 0 || !is_hex(sha256, DIGEST_HEX_LEN))
		return error_set(err, ERROR_CONFIG, "snapshot: it is damaged");
	memcpy(ret->sha256, sha256, sizeof(ret->sha256));
	return 0;
}

static int read_sealed_for(struct json_object *o, struct backup *ret, struct error **err)
{
	struct json_object *list = NULL;

	if (json_need_array(o, "sealedFor", &list, err) < 0)
		return -1;
	for (size_t i = 0; i < json_len(list); i++) {
		CLEANUP_FREE char *path = xasprintf("sealedFor[%zu]", i), *text = NULL;

		if (need_text(o, path, &text, err) < 0)
			return -1;
		strv_add(&ret->sealed_for, text);
	}
	return 0;
}

static int read_versions(struct json_object *o, struct backup *ret, struct error **err)
{
	if (json_at(o, "docker") != NULL && need_text(o, "docker", &ret->docker, err) < 0)
		return -1;
	if (ret->docker != NULL)
		return json_at(o, "mke") != NULL ? need_text(o, "mke", &ret->mke, err) : 0;
	if (need_text(o, "kubernetes", &ret->kubernetes, err) < 0 || need_text(o, "etcd", &ret->etcd, err) < 0 ||
	    need_text(o, "storage", &ret->storage, err) < 0 || json_need_int(o, "snapshot.revision", &ret->revision, err) < 0)
		return -1;
	return json_need_int(o, "snapshot.keys", &ret->keys, err);
}

static int read_header(struct json_object *o, struct backup *ret, struct error **err)
{
	CLEANUP_FREE char *taken = NULL;

	if (need_text(o, "cluster", &ret->cluster, err) < 0 || need_text(o, "uuid", &ret->uuid, err) < 0 ||
	    read_versions(o, ret, err) < 0 || need_text(o, "node", &ret->node, err) < 0 || need_text(o, "taken", &taken, err) < 0 ||
	    read_snapshot(o, ret, err) < 0 || read_sealed_for(o, ret, err) < 0)
		return -1;
	return clock_parse(taken, &ret->taken_ms) ? 0 : error_set(err, ERROR_CONFIG, "taken: it is damaged");
}

int backup_read(const char *text, size_t len, struct backup *ret, struct error **err)
{
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_BACKUP struct backup b = {0};
	CLEANUP_ERROR struct error *why = NULL;

	/* whatever json says of it, it is not a server's answer */
	if (json_parse(text, len, "the header", &o, &why) < 0 || read_header(o, &b, &why) < 0)
		return error_set(err, ERROR_CONFIG, "its header cannot be read: %s", error_message(why));
	*ret = b;
	b = (struct backup){0};
	return 0;
}

/* ---- the sealed part */

void backup_write_sealed(const char *header_sha256, const char *key_hex, const char *unlock, struct buf *ret)
{
	buf_addf(ret, "{\"davit\":\"" SEALED "\",\"header\":\"%s\",\"key\":\"%s\"", header_sha256, key_hex);
	if (unlock != NULL) {
		buf_add(ret, ",\"unlock\":");
		buf_add_json(ret, unlock);
	}
	buf_add(ret, "}\n");
}

int backup_read_sealed(const char *text, size_t len, const char *header_sha256, char ret_key_hex[BACKUP_KEY_HEX + 1], char **ret_unlock,
		       const char **ret_recovery, struct error **err)
{
	const char *end = memchr(text, '\n', len), *key, *unlock;
	CLEANUP_JSON struct json_object *o = NULL;

	if (end == NULL || json_parse(text, (size_t)(end - text), "the sealed part", &o, NULL) < 0 ||
	    strcmp(json_get_str(o, "davit", ""), SEALED) != 0)
		return error_set(err, ERROR_CONFIG, "what is sealed in it is not davit's, or of another version");
	key = json_get_str(o, "key", "");
	if (!is_hex(key, BACKUP_KEY_HEX))
		return error_set(err, ERROR_CONFIG, "what is sealed in it holds no key");
	if (strcmp(json_get_str(o, "header", ""), header_sha256) != 0)
		return error_set(err, ERROR_CONFIG, "its header is not the one that it was made with: it was changed");
	memcpy(ret_key_hex, key, BACKUP_KEY_HEX + 1);
	explicit_bzero((char *)(uintptr_t)key, BACKUP_KEY_HEX); /* json-c wipes nothing */
	unlock = json_get_str(o, "unlock", NULL);
	*ret_unlock = unlock != NULL ? xstrdup(unlock) : NULL;
	if (unlock != NULL)
		explicit_bzero((char *)(uintptr_t)unlock, strlen(unlock));
	*ret_recovery = end + 1;
	return 0;
}

void backup_key(const char *hex, uint8_t ret[BACKUP_KEY_HEX / 2])
{
	for (size_t i = 0; i < BACKUP_KEY_HEX; i++) {
		uint8_t digit = (uint8_t)(strchr(HEX, hex[i]) - HEX);

		ret[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : ret[i / 2] | digit);
	}
}

/* ---- names, and which are kept */

char *backup_name(const char *cluster, int64_t taken_ms)
{
	CLEANUP_FREE char *taken = clock_rfc3339(taken_ms);

	taken[13] = taken[16] = '-'; /* a colon of a path is something else to scp and rsync */
	return xasprintf("%s-%.19sZ" ENDING, cluster, taken);
}

bool backup_is_name(const char *name, const char *cluster)
{
	static const char pattern[] = "-dddd-dd-ddTdd-dd-ddZ" ENDING;
	size_t n = strlen(cluster);

	if (strncmp(name, cluster, n) != 0 || strlen(name) != n + strlen(pattern))
		return false;
	for (size_t i = 0; pattern[i] != '\0'; i++) {
		char c = name[n + i];

		if (i < strlen(pattern) - strlen(ENDING) && pattern[i] == 'd' ? c < '0' || c > '9' : c != pattern[i])
			return false;
	}
	return true;
}

int64_t backup_name_ms(const char *name)
{
	size_t n = strlen(name), tail = strlen("dddd-dd-ddTdd-dd-ddZ" ENDING);
	struct tm tm = {0};

	if (n < tail || strptime(name + n - tail, "%Y-%m-%dT%H-%M-%SZ", &tm) == NULL)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static int newer_first(const void *a, const void *b)
{
	const struct backup_entry *x = a, *y = b;

	if (x->taken_ms != y->taken_ms)
		return x->taken_ms > y->taken_ms ? -1 : 1;
	return strcmp(y->name, x->name);
}

void backup_retire(struct backup_entry *files, size_t n, size_t keep, struct strv *ret)
{
	if (n > 1)
		qsort(files, n, sizeof(*files), newer_first);
	for (size_t i = keep; i < n; i++)
		strv_add(ret, files[i].name);
}

/* ---- whether it fits */

static bool is_minor_newer(const char *a, const char *b)
{
	struct version x, y;

	if (!version_parse(a, &x) || !version_parse(b, &y))
		return false;
	x.patch = y.patch = 0;
	return version_compare(&x, &y) > 0;
}

void backup_refusals(const struct backup *b, const char *kubernetes, const char *etcd, struct strv *ret)
{
	if (is_minor_newer(b->storage, etcd))
		strv_addf(ret, "the snapshot's data is of etcd %s, and the control planes have %s: an older etcd does not read what a newer one has written",
			  b->storage, etcd);
	if (is_minor_newer(b->kubernetes, kubernetes))
		strv_addf(ret, "the backup is of Kubernetes %s, and the cluster has %s: an older API server does not know all of its objects",
			  b->kubernetes, kubernetes);
}

int backup_check_cluster(const struct backup *b, const char *cluster, const char *uuid, struct error **err)
{
	if (strcmp(b->uuid, uuid) == 0)
		return 0;
	return error_set(err, ERROR_CONFIG, "it is of cluster %s, %s, not of %s, %s: its keys and certificates are others", b->cluster, b->uuid,
			 cluster, uuid);
}
