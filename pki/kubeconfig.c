#include "pki/kubeconfig.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include <string.h>

static void string_line(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, "%s: ", key);
	buf_add_json(b, value);
	buf_add_char(b, '\n');
}

static void credential(struct buf *b, const char *key, const char *value, bool embed)
{
	CLEANUP_SECRET char *text = embed ? base64_encode(value, strlen(value)) : xstrdup(value);
	CLEANUP_FREE char *name = xasprintf("    %s%s", key, embed ? "-data" : "");

	string_line(b, name, text);
}

void kubeconfig_write(const struct kubeconfig *k, struct buf *ret)
{
	CLEANUP_FREE char *context = xasprintf("%s@%s", k->user, k->cluster);

	buf_add(ret, "apiVersion: v1\nkind: Config\nclusters:\n");
	string_line(ret, "- name", k->cluster);
	buf_add(ret, "  cluster:\n");
	string_line(ret, "    server", k->server);
	credential(ret, "certificate-authority", k->ca, k->embed);
	buf_add(ret, "users:\n");
	string_line(ret, "- name", k->user);
	buf_add(ret, "  user:\n");
	credential(ret, "client-certificate", k->certificate, k->embed);
	credential(ret, "client-key", k->key, k->embed);
	buf_add(ret, "contexts:\n");
	string_line(ret, "- name", context);
	buf_add(ret, "  context:\n");
	string_line(ret, "    cluster", k->cluster);
	string_line(ret, "    user", k->user);
	string_line(ret, "current-context", context);
}
