/* What a control plane says of etcd: its members, and the line before a snapshot. */
#include "bootstrap/etcd.h"
#include "core/base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_status(const char *text, size_t len)
{
	CLEANUP_ETCD_STATUS struct etcd_status s = {0};
	CLEANUP_STRV struct strv why = STRV_INIT;
	CLEANUP_ERROR struct error *err = NULL;
	struct plan plan = {0};

	if (etcd_read_status(text, len, &s, &err) < 0) {
		if (s.members != NULL || error_message(err)[0] == '\0')
			abort();
		return;
	}
	for (size_t i = 0; i < s.n; i++)
		if (s.members[i].name == NULL || s.members[i].endpoint == NULL || (i > 0 && strcmp(s.members[i - 1].name, s.members[i].name) > 0))
			abort();
	etcd_ailments(&s, &plan, &why);
	if (s.n > 0 && why.n == 0) /* none of them is a control plane of this plan, or it has no name */
		abort();
}

static void check_kept(const char *text)
{
	size_t n = 0;
	CLEANUP_FREE struct etcd_kept *kept = etcd_read_kept(text, &n);

	for (size_t i = 0; i < n; i++)
		if (strchr(kept[i].name, '/') != NULL || kept[i].size < 0 || (i > 0 && kept[i - 1].taken_ms < kept[i].taken_ms))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xmemdup(data, size);
	struct etcd_snapshot snapshot = {0};
	struct etcd_place place = {0};

	check_status(text, size);
	check_kept(text);
	if (etcd_read_snapshot(text, &snapshot, NULL) == 0 && (snapshot.size <= 0 || strlen(snapshot.sha256) != DIGEST_HEX_LEN || *snapshot.storage == '\0'))
		abort();
	if (etcd_read_place(text, &place, NULL) == 0 && (place.version == NULL || place.before == NULL))
		abort();
	etcd_place_clear(&place);
	return 0;
}
