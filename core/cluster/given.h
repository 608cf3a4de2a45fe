/* given: what programs that are installed are given from files that the cluster file names.  Errors are ERROR_CONFIG with the place of the key that names the file. */
#pragma once
#include "core/cluster/spec.h"

struct given_password {
	const char *program; /* "MKE": who takes it */
	const char *key;     /* "mke.passwordFile" */
	size_t min, max;     /* bytes */
};
/* The file's first line, without control characters.  *ret is secret; the caller frees. */
int given_read_password(const struct spec *s, const struct given_password *of, const char *path, char **ret, struct error **err) MUST_USE;
/* What is wrong in a file, at the key; why is freed. */
int given_blame(const struct spec *s, const char *key, struct error *why, struct error **err);
