#include "bootstrap/platform.h"
#include "bootstrap/member.h"
#include "bootstrap/swarm.h"

static int is_dispensable(struct ssh *s, const struct node *n, int64_t deadline, struct error **err)
{
	return member_is_dispensable(s, n->address, deadline, err);
}

static int demote(struct ssh *s, const struct node *n, int64_t deadline, struct error **err)
{
	return member_remove(s, n->address, deadline, err);
}

static const struct platform kubernetes = {
	.status = kubernetes_status,
	.facts = kubernetes_facts,
	.settle = kubernetes_nodes,
	.rollout = kubernetes_rollout,
	.wait_ready = kubernetes_wait_ready,
	.cordon = kubernetes_cordon,
	.uncordon = kubernetes_uncordon,
	.drain = kubernetes_drain,
	.forget = kubernetes_forget,
	.is_dispensable = is_dispensable,
	.demote = demote,
	.part = member_stop_plane,
	.claims = kubernetes_claims,
	.upgrade = &kubernetes_upgrade,
};

const struct platform *platform_of(const struct spec *spec)
{
	static const struct platform *const platforms[] = {[PLATFORM_KUBERNETES] = &kubernetes, [PLATFORM_SWARM] = &platform_swarm, [PLATFORM_MKE] = &platform_mke};

	return platforms[spec->platform];
}
