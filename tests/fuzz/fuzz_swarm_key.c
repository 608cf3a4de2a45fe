/* A manager's key: with the key that opens the seed's, so that what is behind it is read as well. */
#include "pki/swarm_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char key[] = "SWMKEY-1-sf7o/YCf1hzoYFtT7YYtr4K08QixpOVs9qQM6a5ddzY";
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	struct error *err = NULL;

	if (swarm_key_open((const char *)data, size, key, &text, &err) < 0)
		error_free(err);
	return 0;
}
