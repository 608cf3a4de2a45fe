#include "core/net/mask.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/json.h"
#include <strings.h>

enum { REQUEST_SHOWN_MAX = 64 * 1024, SHOWN_MAX = 4096, PARSED_MAX = 1 << 20, ERROR_SHOWN_MAX = 512 };

/* Query keys of pre-signed and token addresses: S3, Swift's tempurl, registries. */
static const char *const query_secrets[] = {
	"access_token", "key",		"password",	    "refresh_token",	    "secret",	       "sig", "signature",
	"token",	"temp_url_sig", "x-amz-credential", "x-amz-security-token", "x-amz-signature",
};

static const char *const json_secrets[] = {
	"access_token", "adminPass",	 "kubeconfig", "passcode", "password",
	"private_key",	"refresh_token", "secret",     "token",	   "user_data",
};

static const char *const hashed_headers[] = {"authorization", "x-auth-token", "x-subject-token"};
static const char *const starred_headers[] = {"cookie", "proxy-authorization", "set-cookie", "x-service-token"};

/* Paths whose bodies are credentials in themselves, in either direction. */
static const char *const silent_paths[] = {"/auth/tokens", "/application_credentials", "/credentials/OS-EC2"};

static bool among(const char *s, size_t n, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		if (strlen(names[i]) == n && strncasecmp(s, names[i], n) == 0)
			return true;
	return false;
}

static void add_query(struct buf *out, const char *query)
{
	while (*query != '\0') {
		size_t pair = strcspn(query, "&;#");
		size_t key = strcspn(query, "=&;#");

		if (key < pair && among(query, key, query_secrets, ARRAY_SIZE(query_secrets))) {
			buf_add_mem(out, query, key + 1);
			buf_add(out, "***");
		} else {
			buf_add_mem(out, query, pair);
		}
		query += pair;
		if (*query != '\0')
			buf_add_char(out, *query++);
	}
}

char *mask_url(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *host = scheme != NULL ? scheme + 3 : url;
	size_t authority = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', authority);
	struct buf out = BUF_INIT;
	const char *query;

	buf_add_mem(&out, url, (size_t)(host - url));
	if (at != NULL)
		host = at + 1;
	query = strchr(host, '?');
	if (query == NULL) {
		buf_add(&out, host);
		return buf_steal(&out);
	}
	buf_add_mem(&out, host, (size_t)(query - host) + 1);
	add_query(&out, query + 1);
	return buf_steal(&out);
}

void mask_header(struct buf *out, const char *header)
{
	size_t name = strcspn(header, ":");
	const char *value = header + name;
	char hex[DIGEST_HEX_LEN + 1];

	while (*value == ':' || *value == ' ')
		value++;
	buf_add_mem(out, header, name);
	if (among(header, name, hashed_headers, ARRAY_SIZE(hashed_headers))) {
		digest_hex(value, strlen(value), hex);
		buf_addf(out, ": {SHA256}%s", hex);
	} else if (among(header, name, starred_headers, ARRAY_SIZE(starred_headers))) {
		buf_add(out, ": ***");
	} else if (among(header, name, (const char *const[]){"location"}, 1)) {
		CLEANUP_FREE char *url = mask_url(value);

		buf_addf(out, ": %s", url);
	} else {
		buf_addf(out, ": %s", value);
	}
}

void mask_headers(struct buf *out, const struct strv *headers)
{
	for (size_t i = 0; headers != NULL && i < headers->n; i++) {
		if (i > 0)
			buf_add(out, ", ");
		mask_header(out, headers->v[i]);
	}
}

static bool is_container(struct json_object *o)
{
	return json_object_is_type(o, json_type_object) || json_object_is_type(o, json_type_array);
}

/* Also behind the name of an extension: "OS-EXT-SRV-ATTR:user_data". */
static bool is_secret_key(const char *key)
{
	const char *colon = strrchr(key, ':');
	const char *name = colon != NULL ? colon + 1 : key;

	return among(name, strlen(name), json_secrets, ARRAY_SIZE(json_secrets));
}

static bool holds_private_key(const char *text)
{
	return strstr(text, "PRIVATE KEY-----") != NULL;
}

static bool is_secret(struct json_object *value, bool named_so)
{
	if (value == NULL || is_container(value))
		return false;
	return named_so || (json_object_is_type(value, json_type_string) && holds_private_key(json_object_get_string(value)));
}

/* named_so: o is what a secret key names; of a list that goes for all its members. */
static void mask_json(struct json_object *o, bool named_so)
{
	for (size_t i = 0; i < json_len(o); i++) {
		struct json_object *value = json_object_array_get_idx(o, i);

		if (is_secret(value, named_so))
			json_object_array_put_idx(o, i, json_object_new_string("***"));
		else if (is_container(value))
			mask_json(value, named_so);
	}
	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, key, value)
	{
		bool secret = is_secret_key(key);

		if (is_secret(value, secret))
			json_add_str(o, key, "***"); /* replaced in place */
		else if (is_container(value))
			mask_json(value, secret && json_object_is_type(value, json_type_array));
	}
}

/* One line, and nothing that a terminal would obey. */
static void add_shown(struct buf *out, const char *text, size_t len, size_t max)
{
	for (size_t i = 0; i < len && i < max; i++)
		buf_add_char(out, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i]);
	if (len > max)
		buf_addf(out, "… (%zu bytes)", len);
}

void mask_body(struct buf *out, const char *url, const void *body, size_t len, enum mask_body what)
{
	CLEANUP_JSON struct json_object *o = NULL;
	const char *text;

	if (len == 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(silent_paths); i++)
		if (strstr(url, silent_paths[i]) != NULL) {
			buf_addf(out, "(%zu bytes, not shown)", len);
			return;
		}
	if (len <= PARSED_MAX && json_parse(body, len, "body", &o, NULL) == 0 && is_container(o)) {
		mask_json(o, false);
		text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
		add_shown(out, text, strlen(text), what == MASK_REQUEST ? REQUEST_SHOWN_MAX : SHOWN_MAX);
	} else if (what == MASK_ERROR && memmem(body, len, "PRIVATE KEY-----", strlen("PRIVATE KEY-----")) == NULL) {
		add_shown(out, body, len, ERROR_SHOWN_MAX);
	} else {
		buf_addf(out, "(%zu bytes)", len);
	}
}
