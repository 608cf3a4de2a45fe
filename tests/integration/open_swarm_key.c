/* open_swarm_key: a manager's key of standard input, opened with the key in $UNLOCK, on standard output (pki/swarm_key.h). */
#include "core/base/alloc.h"
#include "pki/swarm_key.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	CLEANUP(buf_wipe) struct buf in = BUF_INIT, out = BUF_INIT;
	CLEANUP_ERROR struct error *err = NULL;
	const char *unlock = getenv("UNLOCK");
	char piece[4096];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0)
		buf_add_mem(&in, piece, n);
	if (swarm_key_open(buf_str(&in), in.len, unlock != NULL ? unlock : "", &out, &err) < 0) {
		fprintf(stderr, "%s\n", error_message(err));
		return 1;
	}
	return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
}
