#include "cmd/checks.h"
#include "cmd/mke.h"
#include "cmd/msr.h"
#include "cmd/portainer.h"
#include "cmd/swarm.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/net/dial.h"
#include <unistd.h>

enum { CONNECT_MS = 5000, SSH_PORT = 22, API_PORT = 6443 };

struct checks {
	const struct context *c;
	struct cloud *cloud;
	struct view *view;
	bool thorough;
	struct findings cloud_findings, artifact_findings, given_findings, way_findings; /* each its task's own */
};

static int check_cloud(void *context, struct error **err)
{
	struct checks *k = context;

	return provision_preflight(k->cloud, k->c->plan, k->view, &k->cloud_findings, err);
}

/* ---- programs and images ---- */

static void bundle_is_whole(struct checks *k, const char *folder, bool verified)
{
	findings_pass(&k->artifact_findings, "artifacts", xasprintf("bundle %s is %s", folder, verified ? "whole, every digest is right" : "complete"));
}

static void check_named_bundle(struct checks *k, const char *folder)
{
	CLEANUP_ERROR struct error *why = NULL;
	struct artifacts artifacts = {0};

	if (bundle_load(k->c->spec, folder, k->thorough, &artifacts, &why) < 0)
		findings_add(&k->artifact_findings, SEVERITY_ERROR, "artifacts", xstrdup(error_message(why)),
			     xstrdup("the nodes are installed from it"),
			     xasprintf("\"davit bundle create -f %s --bundle %s\" makes or completes it", k->c->spec->path, folder));
	else
		bundle_is_whole(k, folder, k->thorough);
	artifacts_free(&artifacts);
}

/* Nothing is fetched where an earlier run has left all of it. */
static bool has_default_bundle(struct checks *k)
{
	CLEANUP_FREE char *folder = bundle_default_folder(k->c->spec);
	struct artifacts artifacts = {0};
	bool has = bundle_load(k->c->spec, folder, k->thorough, &artifacts, NULL) == 0;

	if (has)
		bundle_is_whole(k, folder, k->thorough);
	artifacts_free(&artifacts);
	return has;
}

static void check_source(struct checks *k)
{
	const char *mirror = k->c->spec->artifacts.mirror;
	CLEANUP_ERROR struct error *why = NULL;
	size_t n = 0;

	if (bundle_probe(k->c->spec, mirror, &n, &why) == 0)
		findings_pass(&k->artifact_findings, "artifacts",
			      xasprintf("%s answers, and has all %zu files of checksums", mirror != NULL ? mirror : "upstream", n));
	else
		findings_add(&k->artifact_findings, SEVERITY_ERROR, "artifacts",
			     xasprintf("%s: %s", mirror != NULL ? "the mirror has not all of it" : "upstream cannot be reached from here",
				       error_message(why)),
			     xstrdup("programs and images for the nodes are fetched from there"),
			     xstrdup(mirror != NULL ? "look whether the mirror's address is right, and what it holds"
						    : "name a mirror (--mirror, artifacts.mirror), or bring a bundle (\"davit bundle create\" where "
						      "upstream can be reached, then --bundle)"));
}

static int check_artifacts(void *context, struct error **err)
{
	struct checks *k = context;
	const char *named = k->c->o->bundle != NULL ? k->c->o->bundle : k->c->spec->artifacts.bundle;

	(void)err;
	if (k->c->o->cloud_only) /* nothing is fetched, nothing installed */
		return 0;
	if (named != NULL)
		check_named_bundle(k, named);
	else if (!has_default_bundle(k))
		check_source(k);
	return 0;
}

/* ---- what an installer is given ---- */

static bool is_untested(const struct context *c)
{
	return c->spec->platform == PLATFORM_MKE && (c->state == NULL || !swarm_has_begun(c->state));
}

void checks_msr(const struct context *c, struct findings *ret)
{
	CLEANUP_ERROR struct error *why = NULL;

	if (msr_check_given(c, &why) < 0)
		findings_add(ret, SEVERITY_ERROR, "msr", xstrdup(error_message(why)), xstrdup("MSR's installer logs in to MKE by it, whenever a replica comes or goes"),
			     xstrdup("put there what the file names, or name another file"));
}

static int check_given(void *context, struct error **err)
{
	struct checks *k = context;
	CLEANUP_ERROR struct error *why = NULL, *page = NULL;

	(void)err;
	if (is_untested(k->c))
		findings_add(&k->given_findings, SEVERITY_WARNING, "mke", xstrdup("davit's part for MKE is written from the vendor's documentation, untested against the vendor's images"),
			     xstrdup("what they do otherwise than that says was not seen"), xstrdup("try it where nothing depends on it, and tell what came of it"));
	if (!k->c->o->cloud_only && mke_check_given(k->c, &why) < 0)
		findings_add(&k->given_findings, SEVERITY_ERROR, "mke", xstrdup(error_message(why)), xstrdup("MKE's installer is given it"),
			     xstrdup("put there what the file names, or name another file"));
	if (!k->c->o->cloud_only && why == NULL)
		checks_msr(k->c, &k->given_findings);
	if (!k->c->o->cloud_only && portainer_check_given(k->c, &page) < 0)
		findings_add(&k->given_findings, SEVERITY_ERROR, "portainer", xstrdup(error_message(page)), xstrdup("Portainer's administrator gets it"),
			     xstrdup("put there what the file names, or name another file"));
	return 0;
}

/* ---- the way to a cluster ---- */

/* It is there before the first server is, or nothing comes of any. */
static void check_jump_host(struct checks *k)
{
	const char *host = k->c->spec->access.jump.host;
	int port = k->c->spec->access.jump.port, fd = -1;
	CLEANUP_ERROR struct error *why = NULL;

	if (dial_tcp(host, (uint16_t)port, clock_deadline(CONNECT_MS), &fd, &why) < 0) {
		findings_add(&k->way_findings, k->c->o->cloud_only ? SEVERITY_WARNING : SEVERITY_ERROR, "reach",
			     xasprintf("jump host %s: port %d cannot be reached from here: %s", host, port, error_message(why)),
			     xstrdup("every server is reached through it"), xstrdup("look at access.bastion of the file: is it that host, and up?"));
		return;
	}
	close(fd);
	findings_pass(&k->way_findings, "reach", xasprintf("jump host %s: port %d answers", host, port));
}

static void check_port(struct checks *k, const struct node *n, uint16_t port, const char *fix)
{
	CLEANUP_ERROR struct error *why = NULL;
	int fd = -1;

	if (dial_tcp(n->floating_ip, port, clock_deadline(CONNECT_MS), &fd, &why) < 0) {
		findings_add(&k->way_findings, SEVERITY_WARNING, "reach",
			     xasprintf("%s: port %u cannot be reached from here: %s", n->name, port, error_message(why)),
			     xstrdup(port == SSH_PORT ? "every other node is reached through it" : "the API is reached through it"), xstrdup(fix));
		return;
	}
	close(fd);
	findings_pass(&k->way_findings, "reach", xasprintf("%s: port %u of %s answers", n->name, port, n->floating_ip));
}

static bool is_way_in(const struct spec *spec, const struct node *n)
{
	return (spec->access.bastion == BASTION_CONTROL_PLANE && n->role == NODE_CONTROL_PLANE) || n->role == NODE_BASTION;
}

/* Of servers only those of a cluster that was complete once should answer. */
static int check_way(void *context, struct error **err)
{
	struct checks *k = context;
	CLEANUP_FREE char *complete = k->c->state != NULL ? state_get(k->c->state, "complete") : NULL;
	size_t n;
	struct node *nodes = inventory_list(k->c->inventory, &n);

	(void)err;
	if (k->c->spec->access.bastion == BASTION_HOST)
		check_jump_host(k);
	for (size_t i = 0; complete != NULL && strcmp(complete, "1") == 0 && i < n; i++) {
		if (nodes[i].floating_ip == NULL)
			continue;
		if (is_way_in(k->c->spec, &nodes[i]))
			check_port(k, &nodes[i], SSH_PORT, "does the server run (davit status)? is this machine in access.allowedCIDRs?");
		if (nodes[i].role == NODE_CONTROL_PLANE && k->c->spec->api.endpoint == API_FLOATING_IP)
			check_port(k, &nodes[i], API_PORT,
				   "does kube-apiserver run (davit status)? is this machine in api.allowedCIDRs?");
	}
	node_list_free(nodes, n);
	return 0;
}

int checks_run(const struct context *c, struct cloud *cloud, struct view *view, bool thorough, struct findings *ret,
	       struct error **err)
{
	struct checks k = {.c = c, .cloud = cloud, .view = view, .thorough = thorough};
	struct parallel_task tasks[] = {{check_cloud, &k}, {check_artifacts, &k}, {check_given, &k}, {check_way, &k}};
	int r = parallel_run(tasks, ARRAY_SIZE(tasks), err);

	findings_move(ret, &k.cloud_findings);
	findings_move(ret, &k.artifact_findings);
	findings_move(ret, &k.given_findings);
	findings_move(ret, &k.way_findings);
	return r;
}

void checks_artifacts(const struct context *c, struct findings *ret)
{
	struct checks k = {.c = c};

	(void)!check_artifacts(&k, NULL); /* it has nothing but findings */
	findings_move(ret, &k.artifact_findings);
}

void checks_warn(const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		CLEANUP_FREE char *text = finding_text(&f->items[i]);

		if (f->items[i].severity == SEVERITY_WARNING)
			log_warning("%s", text);
	}
}

int checks_pass(const struct context *c, struct cloud *cloud, struct view *view, struct error **err)
{
	CLEANUP_FINDINGS struct findings findings = {0};

	if (checks_run(c, cloud, view, false, &findings, err) < 0)
		return -1;
	checks_warn(&findings);
	return findings_refuse(&findings, err);
}
