#include "provision/preflight.h"
#include "core/base/parallel.h"

static const struct {
	void (*run)(struct preflight *p);
	bool by_facts; /* weighs more than the look's lists */
} checks[] = {
	{check_services, false},	{check_image, false},	      {check_external, false},	  {check_flavors, false},
	{check_existing, false},	{check_nics, false},	      {check_server_groups, false},	{check_volume_zones, false},
	{check_zones, true},		{check_volume_types, true},   {check_compute_quota, true}, {check_network_quota, true},
	{check_volume_quota, true},	{check_external_addresses, true}, {check_nic_addresses, true}, {check_overlaps, true},  {check_subnet, true},
	{check_mtu, true},		{check_roles, true},	      {check_clock, true},	  {check_microversions, true},
	{check_extensions, true},	{check_credential, true},     {check_balancer_quota, true}, {check_provider, true},
};

static void run(struct preflight *p, bool with_facts)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (with_facts || !checks[i].by_facts)
			checks[i].run(p);
}

int provision_check(const struct plan *plan, struct view *view, struct error **err)
{
	CLEANUP_FINDINGS struct findings findings = {0};
	struct preflight p = {.plan = plan, .view = view, .findings = &findings};

	run(&p, false);
	return findings_refuse(&findings, err);
}

struct asking {
	struct cloud *cloud;
	const struct plan *plan;
	struct view *view;
};

static int ask(size_t i, void *context, struct error **err)
{
	struct asking *a = context;

	return fact_wanted((enum fact)i, a->plan) ? fact_ask(a->cloud, (enum fact)i, &a->view->facts[i], err) : 0;
}

static int read_facts(struct cloud *c, const struct plan *plan, struct view *view, struct error **err)
{
	struct asking a = {c, plan, view};

	if (view->surveyed)
		return 0;
	if (parallel_for(FACT_COUNT, 0, ask, &a, NULL, err) < 0)
		return -1;
	view->surveyed = true;
	return 0;
}

int provision_preflight(struct cloud *c, const struct plan *plan, struct view *view, struct findings *ret, struct error **err)
{
	struct preflight p = {.plan = plan, .view = view, .findings = ret};
	int r = read_facts(c, plan, view, err) < 0 ? -1 : needs_count(plan, view, &p.needs, err);

	if (r == 0)
		run(&p, true);
	needs_free(&p.needs);
	return r;
}
