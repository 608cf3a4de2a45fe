/* Names of images; what is accepted must survive being written and read again. */
#include "core/base/alloc.h"
#include "registry/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_local(const struct reference *r)
{
	CLEANUP_FREE char *local = reference_local(r), *repository = NULL, *tag = NULL;

	if (strstr(local, "..") != NULL && strstr(r->repository, "..") != NULL)
		abort(); /* it becomes part of paths */
	if (reference_split_local(local, &repository, &tag, NULL) < 0 || strcmp(repository, r->repository) != 0 ||
	    strcmp(tag, r->tag) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);
	CLEANUP_REFERENCE struct reference r = {0}, again = {0};
	CLEANUP_ERROR struct error *err = NULL;
	CLEANUP_FREE char *full = NULL;

	if (reference_parse(text, &r, &err) < 0)
		return 0;
	check_local(&r);
	full = xasprintf("%s/%s:%s%s%s", r.host, r.repository, r.tag, r.digest == NULL ? "" : "@",
			 r.digest == NULL ? "" : r.digest);
	if (reference_parse(full, &again, NULL) < 0 || strcmp(again.host, r.host) != 0 ||
	    strcmp(again.repository, r.repository) != 0)
		abort();
	return 0;
}
