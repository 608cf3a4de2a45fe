#include "tests/unit/preflight_fixture.h"

static const char file[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n"
			   "  platform: {version: 1.36.3}\n"
			   "  openstack: {image: debian-12}\n"
			   "  controlPlane: {count: 1, flavor: m1.small, volume: {size: 20, type: ssd}}\n"
			   "  workerPools: [{name: w, count: 2, flavor: m1.small, zones: [az1, az2]}]\n"
			   "  registry: {volume: {size: 5}}\n";

struct json_object *json_of(const char *text)
{
	struct json_object *o = NULL;

	assert_success(json_parse(text, strlen(text), "test", &o, &test_error));
	return o;
}

void replace(struct json_object **o, const char *text)
{
	json_object_put(*o);
	*o = json_of(text);
}

void fact(struct fixture *f, enum fact fact, const char *text)
{
	replace(&f->view->facts[fact].json, text);
}

/* A cloud that has room for all of it, and nothing of the cluster yet. */
int preflight_setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	fake_reset();
	assert_success(spec_parse("c.yaml", file, strlen(file), &f->spec, &test_error));
	assert_success(plan_make(f->spec, NULL, &f->plan, &test_error));
	f->view = view_new(UUID);
	for (int i = 0; i < CLOUD_SERVICES; i++)
		f->view->services[i] = true;
	f->view->surveyed = true;
	f->view->images =
		json_of("[{\"id\":\"i1\",\"name\":\"debian-12\",\"status\":\"active\",\"size\":1000000000,\"min_ram\":512}]");
	f->view->flavors = json_of("[{\"id\":\"f1\",\"name\":\"m1.small\",\"vcpus\":1,\"ram\":1024,\"disk\":4}]");
	f->view->externals = json_of("[{\"id\":\"e1\",\"name\":\"public\",\"mtu\":1500}]");
	fact(f, FACT_COMPUTE_LIMITS, ABSOLUTE("10", "20", "51200", "10", "10", "100"));
	fact(f, FACT_KEYPAIRS, "{\"keypairs\":[{\"keypair\":{\"name\":\"mine\"}}]}");
	fact(f, FACT_NETWORK_QUOTA,
	     "{\"quota\":{\"network\":" OF("10", "0") ",\"subnet\":" OF("10", "0") ",\"router\":" OF("10", "0") ",\"port\":" OF(
		     "50", "0") ",\"security_group\":" OF("10", "1") ",\"security_group_rule\":" OF("100",
												     "4") ",\"floatingip\":" OF(
		     "5", "0") "}}");
	fact(f, FACT_VOLUME_QUOTA,
	     "{\"quota_set\":{\"volumes\":" SET("10", "0") ",\"gigabytes\":" SET("1000", "0") ",\"volumes_ssd\":" SET(
		     "-1", "0") ",\"gigabytes_ssd\":" SET("-1", "0") ",\"per_volume_gigabytes\":" SET("-1", "0") "}}");
	fact(f, FACT_COMPUTE_ZONES, "{\"availabilityZoneInfo\":[" ZONE("az1", "true") "," ZONE("az2", "true") "]}");
	fact(f, FACT_VOLUME_ZONES, "{\"availabilityZoneInfo\":[" ZONE("nova", "true") "]}");
	fact(f, FACT_VOLUME_TYPES, "{\"volume_types\":[{\"id\":\"t\",\"name\":\"ssd\"},{\"id\":\"u\",\"name\":\"hdd\"}]}");
	*state = f;
	return 0;
}

int preflight_teardown(void **state)
{
	struct fixture *f = *state;

	view_free(f->view);
	plan_free(f->plan);
	spec_free(f->spec);
	free(f);
	return 0;
}

char *found(struct fixture *f)
{
	CLEANUP_FINDINGS struct findings findings = {0};
	CLEANUP_BUF struct buf b = BUF_INIT;

	assert_success(provision_preflight(fake_cloud(), f->plan, f->view, &findings, &test_error));
	for (size_t i = 0; i < findings.n; i++)
		buf_addf(&b, "%s %s: %s\n", severity_name(findings.items[i].severity), findings.items[i].check,
			 findings.items[i].what);
	return buf_steal(&b);
}

void says(struct fixture *f, const char *text)
{
	CLEANUP_FREE char *got = found(f);

	assert_string_equal(got, text);
}

char *passed(struct fixture *f, const char *check)
{
	CLEANUP_FINDINGS struct findings findings = {0};
	CLEANUP_BUF struct buf b = BUF_INIT;

	assert_success(provision_preflight(fake_cloud(), f->plan, f->view, &findings, &test_error));
	for (size_t i = 0; i < findings.n_passed; i++) {
		CLEANUP_FREE char *text = passed_text(&findings.passed[i]);

		if (strcmp(findings.passed[i].check, check) == 0)
			buf_addf(&b, "%s\n", text);
	}
	return buf_steal(&b);
}

void add(struct fixture *f, enum kind kind, const char *text)
{
	CLEANUP_JSON struct json_object *list = json_of(text);

	view_add_list(f->view, kind, list);
}
