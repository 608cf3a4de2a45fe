#include "manifests/balancer.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include "core/base/json.h"
#include "manifests/template.h"

enum { WORKERS_A_SECOND = 50, API_PORT = 6443 };

static size_t count(const struct plan *plan, enum node_role role)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_nodes; i++)
		n += plan->nodes[i].node.role == role;
	return n;
}

/*
 * Each worker asks each API server once in so many seconds, over TLS: with many workers more seldom, so that an API server is asked 50
 * times a second at most.  A server that does not answer twice is down; its connections are ended then, since clients would wait for
 * answers of one that was switched off for as long as TCP does.
 */
int balancer_finish_config(const struct plan *plan, const struct node *node UNUSED, struct buf *text, struct error **err UNUSED)
{
	size_t seconds = 1 + count(plan, NODE_WORKER) / WORKERS_A_SECOND;

	buf_addf(text, "  default-server check check-ssl verify required ca-file /etc/kubernetes/pki/ca.crt inter %zus fall 2 rise 1 on-marked-down shutdown-sessions\n",
		 seconds);
	for (size_t i = 0; i < plan->n_nodes; i++)
		if (plan->nodes[i].node.role == NODE_CONTROL_PLANE)
			buf_addf(text, "  server %s %s:%d\n", plan->nodes[i].node.name, plan->nodes[i].node.address, API_PORT);
	return 0;
}

int balancer_finish_pod(const struct plan *plan, const struct node *node, struct buf *text, struct error **err)
{
	CLEANUP_BUF struct buf config = BUF_INIT;
	CLEANUP_JSON struct json_object *pod = NULL;
	char hex[DIGEST_HEX_LEN + 1] = "";

	if (template_expand("node/haproxy.cfg", &TEMPLATE_VALUES_INIT, &config, err) < 0 ||
	    balancer_finish_config(plan, node, &config, err) < 0 || json_parse(buf_str(text), text->len, "node/haproxy.json", &pod, err) < 0)
		return -1;
	digest_hex(buf_str(&config), config.len, hex);
	json_add_str(json_at(pod, "metadata.annotations"), "davit.dev/config", hex);
	json_pretty(pod, text);
	return 0;
}
