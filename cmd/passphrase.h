/* passphrase: read from a file, the environment or the terminal; never from the command line. */
#pragma once
#include "cmd/options.h"

#define PASSPHRASE_VARIABLE "DAVIT_PASSPHRASE"

/* --passphrase-file's first line, else the variable, else asked for without an echo, twice where it is a new one.  Secret; the caller frees.
 * ERROR_USAGE where there is none and nobody to ask; ERROR_CONFIG for an empty one. */
struct passphrase_source {
	const char *file;     /* its first line; NULL: none */
	const char *variable; /* of the environment */
	const char *prompt, *advice; /* on the terminal; what to give where there is none */
};
int passphrase_get(const struct passphrase_source *from, bool is_new, char **ret, struct error **err) MUST_USE;
int passphrase_read(const struct options *o, bool is_new, char **ret, struct error **err) MUST_USE;
