#include "core/cluster/encryption.h"
#include "core/base/alloc.h"
#include "core/base/strv.h"
#include <stdlib.h>
#include <string.h>

enum { BASE64_LEN = 44 };

void encryption_clear(struct encryption_keys *k)
{
	for (size_t i = 0; i < ENCRYPTION_KEYS; i++) {
		free(k->items[i].name);
		secret_free(k->items[i].secret);
	}
	*k = (struct encryption_keys){0};
}

static bool is_base64(const char *s)
{
	return strlen(s) == BASE64_LEN &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == BASE64_LEN - 1 && s[BASE64_LEN - 1] == '=';
}

/* "k1", without a leading zero: 0 is no number of a key. */
static unsigned long number(const char *name)
{
	char *end = NULL;
	unsigned long n = name[0] == 'k' && name[1] >= '1' && name[1] <= '9' ? strtoul(name + 1, &end, 10) : 0;

	return n > 0 && n < 1000000 && *end == '\0' ? n : 0;
}

static bool add_word(const char *word, struct encryption_keys *k)
{
	const char *colon = strchr(word, ':'), *secret = colon != NULL ? colon + 1 : word;
	struct encryption_key *key = &k->items[k->n];

	key->name = colon != NULL ? xstrndup(word, (size_t)(colon - word)) : xstrdup("k1");
	key->secret = xstrdup(secret);
	k->n++;
	return is_base64(secret) && number(key->name) > 0;
}

int encryption_parse(const char *text, struct encryption_keys *ret, struct error **err)
{
	CLEANUP_ENCRYPTION struct encryption_keys k = {0};
	CLEANUP_STRV struct strv words = STRV_INIT;
	bool good;

	strv_split(&words, text, " ");
	good = words.n > 0 && words.n <= ENCRYPTION_KEYS;
	for (size_t i = 0; good && i < words.n; i++)
		good = add_word(words.v[i], &k);
	for (size_t i = 0; i < words.n; i++)
		explicit_bzero(words.v[i], strlen(words.v[i]));
	if (!good || (k.n == 2 && strcmp(k.items[0].name, k.items[1].name) == 0))
		return error_set(err, ERROR_CONFIG, "the state's \"" ENCRYPTION_KEY "\" is no list of keys: put the state back from a backup");
	*ret = k;
	k = (struct encryption_keys){0};
	return 0;
}

/* A single "k1" is written as states of before have it. */
char *encryption_text(const struct encryption_keys *k)
{
	if (k->n == 2)
		return xasprintf("%s:%s %s:%s", k->items[0].name, k->items[0].secret, k->items[1].name, k->items[1].secret);
	return strcmp(k->items[0].name, "k1") == 0 ? xstrdup(k->items[0].secret) : xasprintf("%s:%s", k->items[0].name, k->items[0].secret);
}

void encryption_add(struct encryption_keys *k, const char *secret)
{
	if (k->n == ENCRYPTION_KEYS)
		return;
	k->items[1] = (struct encryption_key){xasprintf("k%lu", number(k->items[0].name) + 1), xstrdup(secret)};
	k->n = 2;
}

void encryption_turn(struct encryption_keys *k)
{
	struct encryption_key first = k->items[0];

	if (k->n < 2 || number(first.name) > number(k->items[1].name))
		return;
	k->items[0] = k->items[1];
	k->items[1] = first;
}

void encryption_drop(struct encryption_keys *k)
{
	encryption_turn(k);
	free(steal_ptr(k->items[1].name));
	secret_free(steal_ptr(k->items[1].secret));
	k->n = 1;
}

static bool has(const struct encryption_keys *k, const struct encryption_key *key)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->items[i].name, key->name) == 0 && strcmp(k->items[i].secret, key->secret) == 0)
			return true;
	return false;
}

bool encryption_covers(const char *now, const char *then)
{
	CLEANUP_ENCRYPTION struct encryption_keys a = {0}, b = {0};
	bool all = encryption_parse(now, &a, NULL) == 0 && encryption_parse(then, &b, NULL) == 0;

	for (size_t i = 0; i < b.n; i++)
		all = all && has(&a, &b.items[i]);
	return all;
}
