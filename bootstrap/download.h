/*
 * download: a file on its way from a node, behind a line of the node's that tells what it is: "SIZE SHA256 WORDS", and compared by that digest.
 */
#pragma once
#include "core/base/digest.h"
#include "core/net/ssh.h"

struct download {
	int64_t size;
	char sha256[DIGEST_HEX_LEN + 1];
	const char *words; /* the rest of the line */
};
/* Where it goes, piece by piece; begin() before the first. */
struct download_sink {
	int (*begin)(const struct download *d, void *context, struct error **err);
	int (*write)(const void *p, size_t n, void *context, struct error **err);
	void *context;
};
/* What the command prints as root; who: whose words its standard error is, in errors: "etcdctl".  May be done again after a failure, from begin() on. */
int download_run(struct ssh *s, const char *who, const char *command, int64_t deadline, const struct download_sink *sink,
		 struct error **err) MUST_USE;
/* The same into a file here, for its owner alone, which is there when it is whole. */
int download_file(struct ssh *s, const char *who, const char *command, int64_t deadline, const char *path, struct error **err) MUST_USE;
/* The line before it; ret->words points into it.  Pure; ERROR_NODE. */
int download_read(const char *line, struct download *ret, struct error **err) MUST_USE;
/* The next word of *line, which goes behind it, into to; false where it does not fit, or nothing follows it. */
bool download_word(const char **line, char *to, size_t size);
