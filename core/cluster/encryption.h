/*
 * encryption: the keys that encrypt Kubernetes' Secrets in etcd (secretbox), as the state has them under "encryption-key": "k2:BASE64 k1:BASE64", the one that
 * encrypts first, those that only decrypt behind it; BASE64 alone is "k1"'s.  What is in etcd names its key, so that no name is used twice.  Pure.
 */
#pragma once
#include "core/base/error.h"
#include <stdbool.h>
#include <stddef.h>

#define ENCRYPTION_KEY "encryption-key"

enum { ENCRYPTION_KEYS = 2, ENCRYPTION_BYTES = 32 };

struct encryption_keys {
	struct encryption_key {
		char *name, *secret; /* secret: base64 of ENCRYPTION_BYTES */
	} items[ENCRYPTION_KEYS];
	size_t n; /* 1 or 2 */
};

/* ERROR_CONFIG for a text that is none; it is not shown. */
int encryption_parse(const char *text, struct encryption_keys *ret, struct error **err) MUST_USE;
/* Secret; the caller frees (secret_free()). */
char *encryption_text(const struct encryption_keys *k) MUST_USE;
void encryption_clear(struct encryption_keys *k); /* wipes */
#define CLEANUP_ENCRYPTION CLEANUP(encryption_clear)

/* The steps of a rotation.  Each may be done again: what is so already stays. */
void encryption_add(struct encryption_keys *k, const char *secret); /* the new one decrypts as well; nothing where there are two */
void encryption_turn(struct encryption_keys *k);		     /* the newest encrypts */
void encryption_drop(struct encryption_keys *k);		     /* the newest alone */
/* Whether everything that was encrypted with the keys of `then` can be read with those of `now`. */
bool encryption_covers(const char *now, const char *then);
