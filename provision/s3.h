/*
 * s3: an object store with the API of Amazon's S3, by libcurl's signatures.
 *
 * Where it is and by whom it is asked is told by the variables that AWS's own programs take: AWS_ENDPOINT_URL_S3, else AWS_ENDPOINT_URL, else Amazon's;
 * AWS_REGION, else AWS_DEFAULT_REGION, else us-east-1; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else the profile $AWS_PROFILE ("default") of
 * $AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials).  Buckets are named in the path.
 */
#pragma once
#include "core/base/buf.h"
#include "core/net/http.h"

struct s3;
int s3_open(struct s3 **ret, struct error **err) MUST_USE; /* ERROR_CONFIG: there are no keys */
void s3_close(struct s3 *s);

/* As cloud_bytes(). */
struct cloud_bytes;
int s3_bytes(struct s3 *s, const struct cloud_bytes *b, struct http_response *ret, struct error **err) MUST_USE;

/* The two keys of a profile in a file of credentials; NULL where it has none.  Pure; the caller frees (secret_free()). */
void s3_profile(const char *text, const char *profile, char **ret_id, char **ret_secret);

/* What a listing says (ListObjectsV2), key after key.  Pure. */
struct s3_entry {
	char *key;
	int64_t size;
};
struct s3_list {
	struct s3_entry *entries;
	size_t n, cap;
	bool more; /* behind the last one */
};
int s3_list_read(const char *xml, size_t len, struct s3_list *ret, struct error **err) MUST_USE; /* ERROR_REMOTE: it is no listing, or not a whole one */
void s3_list_clear(struct s3_list *l);
#define CLEANUP_S3_LIST CLEANUP(s3_list_clear)
/* "NoSuchBucket: The specified bucket does not exist" of an answer's body, in one line of at most 802 bytes; "" where it says nothing.  Pure; the caller frees. */
char *s3_fault(const char *xml, size_t len) MUST_USE;
