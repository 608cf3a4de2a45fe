/* What of the file a cluster that was installed cannot change any more. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/frozen.h"
#include "tests/unit/test.h"
#include <unistd.h>

#define FILE_OF(version, network, cp)                                                                                            \
	"apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  platform: {version: " version "}\n"                  \
	"  openstack: {image: debian-12}\n" network "  controlPlane: {flavor: m1.small" cp "}\n"

static struct spec *parsed(const char *text)
{
	struct spec *s = NULL;

	assert_success(spec_parse("c.yaml", text, strlen(text), &s, &test_error));
	return s;
}

struct fixture {
	char *folder;
	struct state *state;
};

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->folder = xasprintf("%s/davit-frozen-%d", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
	assert_success(path_remove_tree(f->folder, &test_error));
	assert_success(state_open(f->folder, "demo", STATE_WRITE, &f->state, &test_error));
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	state_close(f->state);
	assert_success(path_remove_tree(f->folder, &test_error));
	free(f->folder);
	free(f);
	return 0;
}

static void installed(struct fixture *f, const char *text)
{
	CLEANUP_SPEC struct spec *s = parsed(text);

	assert_success(frozen_keep(s, f->state, &test_error));
}

static void fine(struct fixture *f, const char *text)
{
	CLEANUP_SPEC struct spec *s = parsed(text);

	assert_success(frozen_check(s, f->state, FROZEN_ALLOW_NOTHING, &test_error));
}

/* says NULL-terminated parts, each a line of the message or a part of one. */
static void refused(struct fixture *f, const char *text, const char *const *says)
{
	CLEANUP_SPEC struct spec *s = parsed(text);
	CLEANUP_ERROR struct error *err = NULL;

	assert_int_equal(frozen_check(s, f->state, FROZEN_ALLOW_NOTHING, &err), -1);
	assert_int_equal(error_exit_status(err), 2);
	for (size_t i = 0; says[i] != NULL; i++)
		if (strstr(error_message(err), says[i]) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", says[i], error_message(err));
}

#define REFUSED(f, text, ...) refused(f, text, (const char *const[]){__VA_ARGS__, NULL})

static void test_before_it_is_installed_all_may_change(void **state)
{
	struct fixture *f = *state;
	CLEANUP_SPEC struct spec *s = parsed(FILE_OF("1.36.3", "", ""));

	fine(f, FILE_OF("1.36.3", "  network: {podCIDR: 10.1.0.0/16}\n", ""));
	assert_success(frozen_check(s, NULL, FROZEN_ALLOW_NOTHING, &test_error));
}

static void test_all_that_differs_is_told_with_its_place(void **state)
{
	struct fixture *f = *state;

	installed(f, FILE_OF("1.36.3", "", ""));
	fine(f, FILE_OF("1.36.3", "  network: {podCIDR: 10.244.0.0/16, dns: [9.9.9.9]}\n", ", labels: {a: b}"));
	REFUSED(f,
		FILE_OF("1.36.3",
			"  network:\n    cidr: 10.7.0.0/24\n    podCIDR: 10.1.0.0/16\n    serviceCIDR: 10.2.0.0/16\n    domain: a.org\n    "
			"plugin: none\n",
			""),
		"c.yaml:8:11: network.cidr: the cluster has 10.6.0.0/24, the file says 10.7.0.0/24: the servers' subnet has it; write the "
		"old one back, or make the cluster anew (davit delete, davit apply)\n"
		"c.yaml:9:14: network.podCIDR: the cluster has 10.244.0.0/16, the file says 10.1.0.0/16: ",
		"c.yaml:10:18: network.serviceCIDR: the cluster has 10.96.0.0/16, the file says 10.2.0.0/16: ",
		"c.yaml:11:13: network.domain: the cluster has cluster.local, the file says a.org: ",
		"c.yaml:12:13: network.plugin: the cluster has flannel, the file says none: ");
}

/* A key that was taken out of the file: the default is another one. */
static void test_what_the_file_no_longer_says(void **state)
{
	struct fixture *f = *state;

	installed(f, FILE_OF("1.36.3", "  network: {podCIDR: 10.1.0.0/16}\n", ""));
	REFUSED(f, FILE_OF("1.36.3", "", ""),
		"c.yaml:5:3: network.podCIDR: the cluster has 10.1.0.0/16, the file says 10.244.0.0/16: ");
	REFUSED(f, FILE_OF("1.36.3", "  network: {dns: [9.9.9.9]}\n", ""), "c.yaml:7:12: network.podCIDR: ");
}

static void test_another_version_is_for_upgrade(void **state)
{
	struct fixture *f = *state;
	CLEANUP_SPEC struct spec *newer = parsed(FILE_OF("1.36.3", "", "")), *older = parsed(FILE_OF("1.35.3", "", ""));
	CLEANUP_FREE char *none = frozen_version(f->state), *has = NULL;

	assert_null(none);
	installed(f, FILE_OF("1.35.4", "", ""));
	has = frozen_version(f->state);
	assert_string_equal(has, "1.35.4");
	fine(f, FILE_OF("1.35.4", "", ""));
	REFUSED(f, FILE_OF("1.36.3", "", ""),
		"c.yaml:5:23: platform.version: the cluster has 1.35.4, the file says 1.36.3: all nodes would change at once; \"davit upgrade\" "
		"goes there, node by node; write the old one back for anything else");
	REFUSED(f, FILE_OF("1.35.10", "", ""), "\"davit upgrade\" goes there");
	REFUSED(f, FILE_OF("1.35.3", "", ""), "the cluster has 1.35.4, the file says 1.35.3: ", "Kubernetes does not go back; write the old one back");
	assert_success(frozen_check(newer, f->state, FROZEN_ALLOW_UPGRADE, &test_error));
	assert_failure(frozen_check(older, f->state, FROZEN_ALLOW_UPGRADE, &test_error), "Kubernetes does not go back");
}

#define ETCD(mount) ", volumes: [{size: 5, mount: " mount "}]"

static void test_etcd_stays_on_its_disk(void **state)
{
	struct fixture *f = *state;

	installed(f, FILE_OF("1.36.3", "", ""));
	fine(f, FILE_OF("1.36.3", "", ETCD("/var/lib/etcd-backup")));
	fine(f, FILE_OF("1.36.3", "", ETCD("/srv")));
	REFUSED(f, FILE_OF("1.36.3", "", ETCD("/var/lib/etcd")),
		"c.yaml:7:45: controlPlane.volumes: the cluster has the root disk, the file says a volume at /var/lib/etcd: etcd's data is "
		"there, and would begin anew elsewhere");
	REFUSED(f, FILE_OF("1.36.3", "", ETCD("/var/lib/etcd/member/wal")), "the file says a volume at /var/lib/etcd/member/wal: ");
	installed(f, FILE_OF("1.36.3", "", ETCD("/var/lib/etcd")));
	fine(f, FILE_OF("1.36.3", "", ", volumes: [{size: 9, mount: /srv}, {size: 5, mount: /var/lib/etcd}]"));
	REFUSED(f, FILE_OF("1.36.3", "", ""), "c.yaml:7:17: controlPlane.volumes: the cluster has a volume at /var/lib/etcd, the file says "
					       "the root disk: ");
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)
	static const struct CMUnitTest tests[] = {
		WITH(test_before_it_is_installed_all_may_change),
		WITH(test_all_that_differs_is_told_with_its_place),
		WITH(test_what_the_file_no_longer_says),
		WITH(test_another_version_is_for_upgrade),
		WITH(test_etcd_stays_on_its_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
