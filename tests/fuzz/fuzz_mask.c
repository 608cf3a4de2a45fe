/* What is shown of URLs, headers and bodies; and Retry-After. */
#include "core/base/alloc.h"
#include "core/net/backoff.h"
#include "core/net/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xmemdup(data, size), *url UNUSED = mask_url(text), *origin = NULL;
	CLEANUP_STRV struct strv headers = STRV_INIT;
	CLEANUP_BUF struct buf out = BUF_INIT;

	strv_add(&headers, text);
	mask_headers(&out, &headers);
	mask_body(&out, "https://h/", text, size, MASK_ERROR);
	mask_body(&out, text, text, size, MASK_REQUEST);
	if (backoff_retry_after(text, 784111777000) < -1)
		abort();
	if (http_origin(text, &origin, NULL) < 0)
		origin = NULL;
	return 0;
}
