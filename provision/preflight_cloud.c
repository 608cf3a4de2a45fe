/* What the services can do, who asks them, and what time it is there. */
#include "provision/body.h"
#include "provision/existing.h"
#include "provision/microversion.h"
#include "provision/nics.h"
#include "provision/preflight.h"

enum { SKEW_WARNING_S = 60, SKEW_ERROR_S = 300 };

/* ---- roles ---- */

void check_roles(struct preflight *p)
{
	static const char *const reading[] = {"reader", "observer", "auditor"};
	CLEANUP_FREE char *all = strv_join(&p->view->roles, ", ");
	size_t only_read = 0;

	for (size_t i = 0; i < p->view->roles.n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(reading); k++)
			only_read += strcasecmp(p->view->roles.v[i], reading[k]) == 0;
	if (p->view->roles.n == 0)
		return;
	if (only_read == p->view->roles.n)
		REFUSE(p, "role", "the cloud refuses every change by whoever may only read",
		       "ask for the role \"member\" in the project, or use other credentials", "the login has no role that may write: it has %s",
		       all);
	else
		PASS(p, "role", "roles: %s", all);
}

/* ---- the cluster's application credential ---- */

#define CREDENTIAL "application credential"
#define CREDENTIAL_WHY "the file has openstack.applicationCredential, and the cluster's controllers would have none"

static bool has_credential(const struct preflight *p, struct json_object *list)
{
	CLEANUP_FREE char *mark = p->view->uuid != NULL ? mark_text(p->view->uuid) : NULL;

	for (size_t i = 0; mark != NULL && i < json_len(list); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(list, i), "description", ""), mark) == 0)
			return true;
	return false;
}

static bool has_role(const struct strv *roles, const char *name)
{
	for (size_t i = 0; i < roles->n; i++)
		if (strcasecmp(roles->v[i], name) == 0) /* keystone takes them for the same */
			return true;
	return false;
}

/* Keystone gives a credential no role that its user has not got in the project. */
static void check_credential_roles(struct preflight *p)
{
	const struct strv *wanted = &p->plan->spec->openstack.application_credential.roles;
	CLEANUP_STRV struct strv missing = STRV_INIT;
	CLEANUP_FREE char *names = NULL, *all = strv_join(&p->view->roles, ", ");

	for (size_t i = 0; i < wanted->n; i++)
		if (!p->view->by_credential && !has_role(&p->view->roles, wanted->v[i]))
			strv_add(&missing, wanted->v[i]);
	names = strv_join(&missing, ", ");
	if (missing.n > 0 && p->view->roles.n > 0)
		REFUSE(p, CREDENTIAL, CREDENTIAL_WHY, "write roles that the login has, or ask for them in the project",
		       "openstack.applicationCredential: the login has no role %s in the project; it has %s", names, all);
	else
		PASS(p, CREDENTIAL, "this login may make an application credential for the cluster");
}

void check_credential(struct preflight *p)
{
	const struct fact_answer *a = &p->view->facts[FACT_CREDENTIALS];

	if (p->plan->spec->openstack.application_credential.roles.n == 0)
		return;
	if (has_credential(p, json_at(a->json, "application_credentials")))
		PASS(p, CREDENTIAL, "the cluster has an application credential");
	else if (a->status == 404)
		REFUSE(p, CREDENTIAL, CREDENTIAL_WHY, "leave openstack.applicationCredential out, or use a cloud with OpenStack Queens or later",
		       "this cloud's keystone makes no application credentials for this login: %s", a->failure);
	else if (p->view->restricted)
		REFUSE(p, CREDENTIAL, CREDENTIAL_WHY, "log in with a password or an unrestricted one, or leave openstack.applicationCredential out",
		       "this login is a restricted application credential itself, which can make no others");
	else if (a->failure != NULL)
		WARN(p, CREDENTIAL, CREDENTIAL_WHY, "ask the cloud's operator whether this user may make some",
		     "application credentials cannot be read: %s", a->failure);
	else
		check_credential_roles(p);
}

/* ---- the clock ---- */

void check_clock(struct preflight *p)
{
	int64_t seconds = p->view->clock_skew_ms / 1000, off = seconds < 0 ? -seconds : seconds;
	bool wrong = off > SKEW_ERROR_S;

	if (!p->view->clock_known)
		return;
	if (off <= SKEW_WARNING_S) {
		PASS(p, "clock", "this machine's clock and the cloud's are %lld s apart", (long long)off);
		return;
	}
	findings_add(p->findings, wrong ? SEVERITY_ERROR : SEVERITY_WARNING, "clock",
		     xasprintf("this machine's clock is %lld s %s the cloud's", (long long)off, seconds > 0 ? "behind" : "ahead of"),
		     xstrdup("certificates made here are valid from now on by this clock, and the servers go by the cloud's"),
		     xstrdup("set this machine's clock (systemd-timesyncd, chrony), then run again"));
}

/* ---- microversions ---- */

static void check_microversion(struct preflight *p, struct json_object *version, const struct kind_info *k)
{
	const char *max = json_get_str(version, "version", ""), *min = json_get_str(version, "min_version", "");
	long wanted = microversion_number(k->microversion);

	if (microversion_number(max) == 0 || (wanted <= microversion_number(max) && wanted >= microversion_number(min)))
		return;
	REFUSE(p, "microversion", "what the cluster needs is not in the cloud's API", "use a cloud with OpenStack Queens or later",
	       "%ss are made by microversion %s of the API, and the cloud knows %s to %s", k->name, k->microversion,
	       *min != '\0' ? min : "none", max);
}

void check_microversions(struct preflight *p)
{
	static const struct {
		enum cloud_service service;
		enum fact fact;
		const char *name;
	} services[] = {{CLOUD_COMPUTE, FACT_COMPUTE_VERSIONS, "nova"}, {CLOUD_VOLUME, FACT_VOLUME_VERSIONS, "cinder"}};

	for (size_t s = 0; s < ARRAY_SIZE(services); s++) {
		struct json_object *version = microversion_newest(p->view->facts[services[s].fact].json);

		if (version == NULL) /* front ends may hide the document: the calls will tell */
			continue;
		for (int kind = 0; kind < KIND_COUNT; kind++)
			if (kind_info((enum kind)kind)->service == services[s].service && kind_info((enum kind)kind)->microversion != NULL &&
			    p->needs.kinds[kind] > 0)
				check_microversion(p, version, kind_info((enum kind)kind));
		PASS(p, "microversion", "%s knows microversions up to %s", services[s].name, json_get_str(version, "version", "?"));
	}
}

/* ---- neutron's extensions ---- */

static bool has_extension(struct json_object *list, const char *alias)
{
	for (size_t i = 0; i < json_len(list); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(list, i), "alias", ""), alias) == 0)
			return true;
	return false;
}

void check_extensions(struct preflight *p)
{
	const struct {
		const char *alias, *why;
		bool wanted;
	} extensions[] = {
		{"router", "the servers' way out, and floating IPs",
		 p->plan->own_router || p->plan->spec->network.existing.router != NULL || has_floating_ips(p->plan)},
		{"external-net", "floating IPs come from an external network", wants_external(p->plan)},
		{"security-group", "they keep strangers from the nodes", true},
		{"standard-attr-description", "everything that is made bears the cluster's mark as its description", true},
		{"extra_dhcp_opt", "it keeps servers from a default route in the networks of their pools", nics_wanted(p->plan)},
		{"allowed-address-pairs", "packets of pods, or of the shared address of the API, leave the nodes under addresses that are not their own",
		 pods_on_the_wire(p->plan) || p->plan->spec->api.endpoint == API_VIP},
	};
	struct json_object *list = json_at(p->view->facts[FACT_EXTENSIONS].json, "extensions");
	size_t missing = 0;

	if (list == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
		if (!extensions[i].wanted || has_extension(list, extensions[i].alias))
			continue;
		missing++;
		REFUSE(p, "extension", extensions[i].why, "ask the cloud's operator, or use another cloud",
		       "network (neutron) lacks the extension \"%s\"", extensions[i].alias);
	}
	if (missing == 0)
		PASS(p, "extension", "network (neutron) has the extensions that are needed");
}
