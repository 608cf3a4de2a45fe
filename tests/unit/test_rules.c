/* The security groups' rules and the table of them in docs/security.md are the same; DAVIT_REGENERATE=1 writes that one anew, as it
 * does files of tests/golden. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/plan.h"
#include "tests/unit/test.h"
#include <stdio.h>

#define ACCESS "192.0.2.0/24"
#define API "198.51.100.0/24"
#define TABLE "| to | port | from | where access.bastion is | for |\n|---|---|---|---|---|\n"
#define MKE_TABLE "| to, with MKE | port | from | for |\n|---|---|---|---|\n"
#define MSR_TABLE "| to, with MSR | port | from | for |\n|---|---|---|---|\n"
#define SWARM_TABLE "| to, in a swarm | port | from | for |\n|---|---|---|---|\n"

static const struct {
	const char *name, *text;
} ways[] = {
	[BASTION_CONTROL_PLANE] = {"controlPlane", "controlPlane"},
	[BASTION_SERVER] = {"server", "server"},
	[BASTION_FLOATING_IPS] = {"floatingIPs", "floatingIPs"},
	[BASTION_NONE] = {"none", "none"},
	[BASTION_HOST] = {"{host: …}", "{host: h, user: u, hostKey: \"ssh-ed25519 "
				       "AAAAC3NzaC1lZDI1NTE5AAAAIFrnXPzuw4QcyG/7M4WGLVXEkwXstUXUjqWQHxhoO31E\"}"},
};

/* A rule in Markdown without its ways, and with which of them it is there. */
struct line {
	char *to, *from, *why;
	unsigned ways;
};

static struct line *find(struct line *lines, size_t *n, const char *to, const char *from, const char *why)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(lines[i].to, to) == 0 && strcmp(lines[i].from, from) == 0)
			return &lines[i];
	lines[*n] = (struct line){xstrdup(to), xstrdup(from), xstrdup(why), 0};
	return &lines[(*n)++];
}

static char *port(const struct plan_rule *r)
{
	if (r->port_min == 0)
		return xstrdup(r->protocol);
	return r->port_min == r->port_max ? xasprintf("%s %d", r->protocol, r->port_min)
					  : xasprintf("%s %d–%d", r->protocol, r->port_min, r->port_max);
}

static const char *source(const struct plan_rule *r)
{
	if (r->from_group != NULL)
		return r->from_group;
	if (strcmp(r->from_cidr, "10.6.0.0/24") == 0)
		return "the servers' network";
	return strcmp(r->from_cidr, API) == 0 ? "`api.allowedCIDRs`" : "`access.allowedCIDRs`";
}

/* The rules of one way, each noted in lines; with a load balancer as well: those that there are with that alone have no way. */
static void add_way(unsigned way, const char *endpoint, struct line *lines, size_t *n)
{
	CLEANUP_FREE char *text =
		xasprintf("apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: 1.36.3}\n"
			  "  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n  api: {endpoint: %s, allowedCIDRs: [" API "]}\n"
			  "  access: {allowedCIDRs: [" ACCESS "], bastion: %s}\n",
			  endpoint, ways[way].text);
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;

	assert_success(spec_parse("c.yaml", text, strlen(text), &spec, &test_error));
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	for (size_t i = 0; i < plan->n_rules; i++) {
		const struct plan_rule *r = &plan->rules[i];
		CLEANUP_FREE char *ports = port(r), *to = xasprintf("%s | %s", r->group, ports);

		find(lines, n, to, source(r), r->why)->ways |= strcmp(endpoint, "octavia") == 0 ? 0 : 1u << way;
	}
}

static void add_ways(struct buf *ret, unsigned set)
{
	const char *comma = "";

	if (set == 0)
		buf_add(ret, "any, with `api.endpoint: octavia`");
	for (size_t i = 0; i < ARRAY_SIZE(ways) && set != (1u << ARRAY_SIZE(ways)) - 1; i++) {
		if ((set & 1u << i) == 0)
			continue;
		buf_addf(ret, "%s`%s`", comma, ways[i].name);
		comma = ", ";
	}
}

static int by_target(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = strcmp(x->to, y->to);

	return order != 0 ? order : strcmp(x->from, y->from);
}

static void table(struct buf *ret)
{
	struct line lines[64];
	size_t n = 0;

	for (unsigned way = 0; way < ARRAY_SIZE(ways); way++)
		add_way(way, "floatingIP", lines, &n);
	add_way(BASTION_CONTROL_PLANE, "octavia", lines, &n);
	qsort(lines, n, sizeof(*lines), by_target);
	buf_add(ret, TABLE);
	for (size_t i = 0; i < n; i++) {
		buf_addf(ret, "| %s | %s | ", lines[i].to, lines[i].from);
		add_ways(ret, lines[i].ways);
		buf_addf(ret, "%s| %s |\n", lines[i].ways == (1u << ARRAY_SIZE(ways)) - 1 ? "" : " ", lines[i].why);
		free(lines[i].to);
		free(lines[i].from);
		free(lines[i].why);
	}
}

/* The text from `begin` to the next empty line is this. */
static void compare(const char *begin, const struct buf *wanted)
{
	CLEANUP_FREE char *path = xasprintf("%s/docs/security.md", getenv("DAVIT_SOURCE_ROOT"));
	CLEANUP_BUF struct buf page = BUF_INIT, found = BUF_INIT, fresh = BUF_INIT;
	const char *start = NULL, *end = NULL;

	assert_success(path_read(path, &page, &test_error));
	start = strstr(buf_str(&page), begin);
	if (start == NULL)
		fail_msg("%s has no table that begins with\n%s", path, begin);
	end = strstr(start, "\n\n");
	assert_non_null(end);
	buf_add_mem(&found, start, (size_t)(end + 1 - start));
	if (strcmp(buf_str(&found), buf_str(wanted)) == 0)
		return;
	if (getenv("DAVIT_REGENERATE") == NULL)
		fail_msg("the table in %s is not that of the program (DAVIT_REGENERATE=1 writes it):\n%s", path, buf_str(wanted));
	buf_add_mem(&fresh, page.data, (size_t)(start - page.data));
	buf_add(&fresh, buf_str(wanted));
	buf_add(&fresh, end + 1);
	assert_success(path_write(path, fresh.data, fresh.len, 0644, &test_error));
}

static void test_documented_rules(void **state UNUSED)
{
	CLEANUP_BUF struct buf wanted = BUF_INIT;

	table(&wanted);
	compare(TABLE, &wanted);
}

/* Which of the file's keys names these. */
static const char *key_of(const char *cidr)
{
	if (strcmp(cidr, "192.0.2.0/24") == 0)
		return "`swarm.api.allowedCIDRs`";
	if (strcmp(cidr, "203.0.113.0/24") == 0)
		return "`mke.msr.allowedCIDRs`";
	return strcmp(cidr, "198.51.100.0/24") == 0 ? "`swarm.portainer.allowedCIDRs`" : "`api.allowedCIDRs`";
}

/* Of a platform, those that begin with its prefix; SSH and the registry's are the same on all. */
static void compare_rules(const char *text, const char *prefix, const char *heading)
{
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_BUF struct buf wanted = BUF_INIT;

	assert_success(spec_parse("c.yaml", text, strlen(text), &spec, &test_error));
	assert_success(plan_make(spec, NULL, &plan, &test_error));
	buf_add(&wanted, heading);
	for (size_t i = 0; i < plan->n_rules; i++) {
		const struct plan_rule *r = &plan->rules[i];
		CLEANUP_FREE char *ports = port(r);

		if (strncmp(r->why, prefix, strlen(prefix)) == 0)
			buf_addf(&wanted, "| %s | %s | %s | %s |\n", r->group, ports, r->from_group != NULL ? r->from_group : key_of(r->from_cidr),
				 r->why + strlen(prefix));
	}
	compare(heading, &wanted);
}

static void test_documented_rules_of_a_swarm(void **state UNUSED)
{
	compare_rules("apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {type: swarm, version: 29.9.3}\n"
		      "  openstack: {image: debian-12}\n  controlPlane: {flavor: m1.small}\n  swarm: {api: {allowedCIDRs: [192.0.2.0/24]},\n"
		      "    portainer: {version: 2.33.3, allowedCIDRs: [198.51.100.0/24], passwordFile: p}}\n",
		      "swarm: ", SWARM_TABLE);
}

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MKE_FILE                                                                                                                                     \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {type: mke, version: 3.9.2}\n"                              \
	"  openstack: {image: ubuntu-24.04}\n  controlPlane: {flavor: m1.large}\n  workerPools: [{name: r, count: 1, flavor: f}]\n"                 \
	"  mke: {images: {file: i, sha256: " DIGEST "}, passwordFile: p, engine: {version: 29.4.1,\n"                                               \
	"    packages: [{file: docker-ee_29.4.1_amd64.deb, sha256: " DIGEST "}]},\n"                                                                \
	"    msr: {version: 2.9.1, images: {file: i, sha256: " DIGEST "}, pool: r, host: m, allowedCIDRs: [203.0.113.0/24]}}\n"

static void test_documented_rules_of_mke(void **state UNUSED)
{
	compare_rules(MKE_FILE, "mke: ", MKE_TABLE);
	compare_rules(MKE_FILE, "msr: ", MSR_TABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documented_rules),
		cmocka_unit_test(test_documented_rules_of_a_swarm),
		cmocka_unit_test(test_documented_rules_of_mke),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
