#include "cmd/authorities.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "pki/pki.h"

static struct pki_user user_of(const struct options *o)
{
	enum { USUAL = 8 * 3600 };

	return (struct pki_user){
		.name = o->user, .groups = &o->groups, .seconds = o->ttl_ms >= 0 ? o->ttl_ms / 1000 : USUAL, .masters = o->masters};
}

static int check(const struct options *o, struct error **err)
{
	struct pki_user user = user_of(o);

	if (o->user != NULL)
		return pki_user_check(&user, err);
	if (o->groups.n > 0 || o->ttl_ms >= 0 || o->masters)
		return error_set(err, ERROR_USAGE, "--group, --ttl and --allow-masters go with --user NAME; the administrator's kubeconfig has its own");
	return 0;
}

static void tell(const struct options *o, int64_t until)
{
	CLEANUP_FREE char *end = clock_rfc3339(until * 1000), *groups = strv_join(&o->groups, ", ");

	log_info("%s%s%s: valid until %.19sZ, and not to be taken back before; what it may do is up to the roles that are bound to these names", o->user,
		 o->groups.n > 0 ? " of " : "", groups, end);
	if (strv_has(&o->groups, "system:masters"))
		log_warning("of system:masters: no role and no binding limits it, whoever has the file is root of the cluster until then");
}

static int for_user(const struct options *o, struct pki *pki, const char *cluster, const char *url, struct buf *ret, struct error **err)
{
	int64_t now = clock_wall_ms() / 1000;
	struct pki_user user = user_of(o);

	if (pki_user_kubeconfig(pki, cluster, url, &user, now, ret, err) < 0)
		return -1;
	tell(o, now + user.seconds);
	return 0;
}

static void tell_way(const struct context *c)
{
	if (c->spec->api.endpoint == API_INTERNAL)
		log_info("api.endpoint is internal: this is for machines with a route to the servers' network that api.allowedCIDRs lets in; from elsewhere "
			 "\"davit tunnel -- kubectl get nodes\" reaches the API through SSH");
}

static const char *instead(const struct context *c)
{
	if (c->spec->platform == PLATFORM_MKE)
		return "a client bundle of its page (https on a manager) has one for its Kubernetes, and \"davit docker-context\" gives access to its engines";
	return "\"davit docker-context\" gives access to it";
}

int verb_kubeconfig(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_PKI struct pki *pki = NULL;
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_FREE char *url = NULL;

	if (check(o, err) < 0 || context_open(o, CONTEXT_READ, &c, err) < 0 ||
	    context_need_kubernetes(&c, instead(&c), err) < 0 || context_need_keys(&c, err) < 0 || verb_api_url(&c, &url, err) < 0)
		return -1;
	if (authorities_open(&c, &pki, err) < 0 || (o->user != NULL ? for_user(o, pki, c.spec->name, url, &text, err)
								 : pki_admin_kubeconfig(pki, c.spec->name, url, &text, err)) < 0)
		return -1;
	tell_way(&c);
	return verb_write(o, buf_str(&text), text.len, 0600, err);
}
