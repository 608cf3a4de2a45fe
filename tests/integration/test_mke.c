/* MKE on a manager that is a real sshd, with the engine of operate/engine.py, and a docker that does what its installer's container would. */
#include "bootstrap/mke.h"
#include "bootstrap/nodes.h"
#include "bootstrap/swarm.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "tests/integration/sshd.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 60 * 1000, IMPATIENCE_MS = 1000 };
#define MANAGER "orca-cp-1"
#define ADDRESS "10.6.0.10"
#define PASSWORD "p$ss \"w'rd"
#define LICENSE "{\"key_id\": \"a\", \"authorization\": \"b\"}\n"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char file[] = "apiVersion: davit/v1\nkind: Cluster\nmetadata: {name: orca}\nspec:\n  platform: {type: mke, version: 3.9.2}\n"
			   "  openstack: {image: ubuntu-24.04}\n  controlPlane: {flavor: m1.large}\n  swarm: {addressPools: [172.30.0.0/16]}\n"
			   "  mke: {images: {file: i, sha256: " SHA "}, passwordFile: p, engine: {version: 29.4.1,\n"
			   "    packages: [{file: docker-ee_29.4.1_amd64.deb, sha256: " SHA "}]}}\n";

/* The installer's container is $FAKE/ucp while it is there; installed it answers, as long as there is no $FAKE/ill. */
static const char docker[] = "#!/bin/sh\n"
			     "echo \"docker $*\" >>\"$FAKE/argv\"\n"
			     "case \"$1 $2\" in\n"
			     "'container inspect') case \"$*\" in *ucp-proxy) cat \"$FAKE/version\" ;; *) echo mirantis/ucp:3.9.3 ;; esac; exit ;;\n"
			     "'container run') cat \"$FAKE/archive\"; exit ;;\n"
			     "esac\n"
			     "case \"$*\" in *' upgrade --id '*) touch \"$FAKE/upgrade\" \"$FAKE/ucp\"; exit ;; esac\n"
			     "if [ -e \"$FAKE/upgrade\" ]; then\n"
			     "case \"$1 $2\" in\n"
			     "'container ls') case \"$*\" in *exited*) ;; *) ! [ -e \"$FAKE/ucp\" ] || echo 1 ;; esac ;;\n"
			     "'container start') [ -e \"$FAKE/fails\" ] || echo 3.9.3 >\"$FAKE/version\" ;;\n"
			     "'container wait') [ ! -e \"$FAKE/fails\" ]; echo $? ;;\n"
			     "'container logs') echo rolled back ;;\n"
			     "'container rm') rm \"$FAKE/ucp\" \"$FAKE/upgrade\" ;;\n"
			     "esac\n"
			     "exit\n"
			     "fi\n"
			     "case \"$1 $2\" in\n"
			     "'container ls') case \"$*\" in *controller*) ! [ -e \"$FAKE/installed\" ] || echo 1 ;; *status=*) ;; *) ! [ -e \"$FAKE/ucp\" ] || echo 1 ;; esac ;;\n"
			     "'container create') cp \"$FAKE/secrets/environment\" \"$FAKE/ucp\" && cp \"$FAKE/secrets/license\" \"$FAKE/license\" ;;\n"
			     "'container start') cp \"$FAKE/ucp\" \"$FAKE/installed\" ;;\n"
			     "'container wait') echo 0 ;;\n"
			     "'container rm') rm \"$FAKE/ucp\" ;;\n"
			     "esac\n";
static const char curl[] = "#!/bin/sh\n"
			   "case \"$*\" in *unix-socket*) exec \"$FAKE/engine\" \"$@\" ;; *http_code*) [ -e \"$FAKE/ill\" ] && printf 503 || printf 200 ;; esac\n"
			   "[ ! -e \"$FAKE/ill\" ]\n";

static struct sshd sshd;
static struct ssh *manager;
static struct spec *spec;
static char *fake;

static void write_program(const char *name, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/bin/%s", fake, name);

	assert_success(path_write(path, text, strlen(text), 0755, &test_error));
}

static void shell(const char *command)
{
	CLEANUP_FREE char *line = xasprintf("cd %s && %s", fake, command);

	assert_int_equal(system(line), 0);
}

static int begin(void **state UNUSED)
{
	const char *root = getenv("DAVIT_SOURCE_ROOT");
	char folder[] = "/tmp/davit-mke-XXXXXX";
	CLEANUP_FREE char *extra = NULL;

	if (!sshd_available())
		exit(77);
	fake = xstrdup(mkdtemp(folder));
	shell("mkdir -p bin davit/run volumes/ucp-controller-server-certs && echo key >volumes/ucp-controller-server-certs/key.pem && tar -C volumes -cf archive . && echo 3.9.2 >version && ln -s \"$DAVIT_SOURCE_ROOT/tests/integration/operate/engine.py\" engine");
	write_program("docker", docker);
	write_program("curl", curl);
	extra = xasprintf("SetEnv NODE=" MANAGER " FAKE=%s MKE_SECRETS=%s/secrets DAVIT_HOME=%s/davit PATH=%s/bin:%s/tests/integration/operate/bin:/usr/bin:/bin\n", fake, fake, fake, fake, root);
	assert_success(sshd_start(extra, &sshd, &test_error));
	assert_success(sshd_connect(&sshd, &manager, &test_error));
	assert_success(spec_parse("c.yaml", file, strlen(file), &spec, &test_error));
	/* without an authority of ours */
	assert_success(swarm_begin(manager, spec, ADDRESS, NULL, NULL, clock_deadline(PATIENCE_MS), &test_error));
	return 0;
}

static int end(void **state UNUSED)
{
	ssh_free(manager);
	sshd_stop(&sshd);
	spec_free(spec);
	assert_success(path_remove_tree(fake, &test_error));
	free(fake);
	return 0;
}

static void test_installation(void **state UNUSED)
{
	CLEANUP_STRV struct strv sans = STRV_INIT;
	struct mke_install install = {.spec = spec, .address = ADDRESS, .sans = &sans, .password = PASSWORD, .license = LICENSE};

	strv_add(&sans, MANAGER);
	strv_add(&sans, "mke.example.org");
	assert_success(mke_install(manager, &install, clock_deadline(PATIENCE_MS), &test_error));
	shell("grep -qF 'mirantis/ucp:3.9.2 install --host-address " ADDRESS " --san " MANAGER " --san mke.example.org --external-server-cert --pod-cidr 192.168.0.0/16 "
	      "--service-cluster-ip-range 10.96.0.0/16 --pull never' argv");
	shell("grep -qF 'UCP_ADMIN_PASSWORD=p$ss \"w' installed && grep -q key_id license");
	shell("! grep -e 'p$ss' -e key_id argv && ! [ -e secrets ] && ! [ -e ucp ]");
	assert_success(mke_install(manager, &install, clock_deadline(PATIENCE_MS), &test_error));
	shell("[ $(grep -c 'container create' argv) = 1 ]");
	shell("touch ill");
	assert_failure(mke_install(manager, &install, clock_deadline(IMPATIENCE_MS), &test_error), "MKE is installed, and https://" ADDRESS "/_ping does not answer");
	shell("rm ill");
}

static void test_health(void **state UNUSED)
{
	struct json_object *shape = NULL;

	assert_success(mke_status(manager, &shape, &test_error));
	assert_true(node_is_ready(node_find(shape, MANAGER)));
	json_object_put(shape);
	shell("touch ill");
	assert_success(mke_status(manager, &shape, &test_error));
	assert_false(node_is_ready(node_find(shape, MANAGER)));
	json_object_put(shape);
	assert_failure(mke_wait_ready(manager, MANAGER, clock_deadline(IMPATIENCE_MS), &test_error), MANAGER " is not ready in time: its MKE is not well: https://" ADDRESS "/_ping");
	shell("rm ill");
	assert_success(mke_wait_ready(manager, MANAGER, clock_deadline(PATIENCE_MS), &test_error));
}

static void test_what_an_upgrade_begins_with(void **state UNUSED)
{
	const struct platform_upgrade *up = platform_mke.upgrade;
	CLEANUP_FREE char *path = xasprintf("%s/backup.tar", fake);
	struct upgrade_view view = {0};

	assert_success(up->look(manager, spec, clock_deadline(PATIENCE_MS), &view, &test_error));
	assert_string_equal(view.version, "3.9.2");
	assert_string_equal(view.last, MANAGER);
	assert_string_equal(view.well, "the manager answers, with 29.9.3, and MKE 3.9.2");
	assert_true(node_is_ready(node_find(view.facts, MANAGER)));
	upgrade_view_clear(&view);
	shell("touch ill");
	assert_success(up->look(manager, spec, clock_deadline(PATIENCE_MS), &view, &test_error));
	assert_false(node_is_ready(node_find(view.facts, MANAGER)));
	upgrade_view_clear(&view);
	shell("rm ill");
	assert_success(up->snapshot(manager, path, &test_error));
	shell("cmp archive backup.tar && [ $(stat -c %a backup.tar) = 600 ] && [ $(ls davit/run) = swarm-backup-lock ]");
	shell("echo torn >archive && rm backup.tar");
	assert_failure(up->snapshot(manager, path, &test_error), "MKE's own backup ended with status 1: what MKE's own command has written is no backup");
	shell("! [ -e backup.tar ] && [ $(ls davit/run) = swarm-backup-lock ]");
}

static void test_upgrade(void **state UNUSED)
{
	const struct platform_upgrade *up = platform_mke.upgrade;
	CLEANUP_SPEC struct spec *newer = NULL;
	CLEANUP_FREE char *text = xstrdup(file), *name = xstrdup(MANAGER);
	struct node n = {.name = name, .role = NODE_CONTROL_PLANE};

	strstr(text, "3.9.2")[4] = '3';
	assert_success(spec_parse("c.yaml", text, strlen(text), &newer, &test_error));
	assert_failure(mke_await_version(manager, "3.9.3", clock_deadline(IMPATIENCE_MS), &test_error), "its MKE is 3.9.2, not 3.9.3");
	shell("touch fails");
	assert_failure(up->whole(manager, newer, &test_error), "the upgrade of MKE ended with status 1: MKE's own command ended with status 1, after which MKE goes back");
	shell("rm fails");
	assert_success(up->whole(manager, newer, &test_error));
	shell("! [ -e ucp ]");
	assert_success(up->whole(manager, newer, &test_error));
	shell("[ $(grep -c 'mirantis/ucp:3.9.3 upgrade --id swarm --pull never' argv) = 1 ]");
	assert_success(up->arrived(manager, newer, &test_error));
	shell("touch ill");
	assert_failure(up->settled(manager, &n, IMPATIENCE_MS, &test_error), "its MKE is not well");
	shell("rm ill");
	assert_success(up->settled(manager, &n, IMPATIENCE_MS, &test_error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_installation), cmocka_unit_test(test_health), cmocka_unit_test(test_what_an_upgrade_begins_with),
					   cmocka_unit_test(test_upgrade)};

	return cmocka_run_group_tests(tests, begin, end);
}
