#include "manifests/htpasswd.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include <crypt.h>
#include <errno.h>

enum { COST = 5, SALT_BYTES = 16 };

int htpasswd_line(const char *user, const char *password, struct buf *ret, struct error **err)
{
	CLEANUP_SECRET char *seed = xasprintf("davit htpasswd salt %s:%s", user, password);
	char hex[DIGEST_HEX_LEN + 1], setting[CRYPT_GENSALT_OUTPUT_SIZE];
	CLEANUP_FREE struct crypt_data *data = xnew(struct crypt_data);
	const char *hash;

	/* 16 hexadecimal digits of it: a salt need not be secret, only different from others */
	digest_hex(seed, strlen(seed), hex);
	if (crypt_gensalt_rn("$2b$", COST, hex, SALT_BYTES, setting, sizeof(setting)) == NULL)
		return error_errno(err, errno, "cannot make a bcrypt salt with this libcrypt");
	hash = crypt_rn(password, setting, data, sizeof(*data));
	if (hash == NULL)
		return error_errno(err, errno, "cannot hash the registry's password with bcrypt");
	buf_addf(ret, "%s:%s\n", user, hash);
	explicit_bzero(data, sizeof(*data));
	return 0;
}
