/* The settings of a node's sshd: a real one, which reads /etc/ssh/sshd_config.d, takes them, and locks nobody out. */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/net/bastion.h"
#include "tests/integration/bootstrap_node.h"
#include "tests/unit/test.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER "/etc/ssh/sshd_config.d/"
#define DROP_IN FOLDER "10-davit.conf"
#define WANTED "/etc/davit/sshd.conf"
/* the sshd of the test lets root in, and nobody else */
#define BASE "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
#define NO_FORWARDING BASE "AllowTcpForwarding no\n"
#define FORWARDING BASE "# a comment\nAllowTcpForwarding local\n"

static struct node_world world;

static int open_world(void **state UNUSED)
{
	CLEANUP_FREE char *pid = NULL;

	node_open(&world);
	assert_int_equal(system("rm -rf " FOLDER " && mkdir -p " FOLDER), 0);
	sshd_stop(&world.sshd);
	assert_success(sshd_start("Include " FOLDER "*.conf\nSetEnv PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n", &world.sshd,
				  &test_error));
	pid = xasprintf("%d\n", world.sshd.pid);
	node_write("/run/fake/sshd", pid);
	return 0;
}

static int close_world(void **state UNUSED)
{
	node_close(&world);
	return 0;
}

static void file_holds(const char *path, const char *part)
{
	CLEANUP_FREE char *found = node_read(path);

	if (strstr(found, part) == NULL)
		fail_msg("%s holds \"%s\", and not \"%s\"", path, found, part);
}

/* Until sshd has begun anew after a reload, its port is closed for a moment. */
static int run(bool *ret_changed, struct error **err)
{
	int64_t deadline = clock_deadline(AT_ONCE_MS);

	for (;;) {
		struct error *why = NULL;

		if (node_run(&world, ret_changed, &why) == 0)
			return 0;
		if (!error_is(why, ERROR_NETWORK) || clock_ms() > deadline)
			return error_move(err, why);
		error_free(why);
		usleep(10 * 1000);
	}
}

static void runs(bool changed)
{
	bool found = !changed;

	assert_success(run(&found, &test_error));
	assert_int_equal(found, changed);
}

static void fails(const char *part)
{
	bool changed = false;

	assert_failure(run(&changed, &test_error), part);
}

/* Whether it hands a connection on; 0 or 1, -1 while its port is closed. */
static int forwards(void)
{
	struct ssh *s = NULL;
	struct bastion *b = NULL;
	int fd = -1, r = 0;

	if (sshd_connect(&world.sshd, &s, NULL) < 0)
		return -1;
	assert_success(bastion_new(s, &b, &test_error));
	r = bastion_dial(b, "127.0.0.1", server_port(world.registry), clock_deadline(AT_ONCE_MS), &fd, NULL) == 0;
	if (r == 1)
		close(fd);
	bastion_free(b);
	return r;
}

static void comes_to_forward(bool wanted)
{
	int64_t deadline = clock_deadline(AT_ONCE_MS);
	int found = forwards();

	while (found != wanted && clock_ms() < deadline) {
		usleep(20 * 1000);
		found = forwards();
	}
	assert_int_equal(found, wanted);
}

static void test_settings_are_taken(void **state UNUSED)
{
	comes_to_forward(true);
	fileset_add(&world.files, WANTED, 0644, NO_FORWARDING);
	runs(true);
	file_holds("/run/fake/calls", "reload ssh.service\n");
	comes_to_forward(false);
	runs(false);
	node_reset(&world, WANTED, FORWARDING);
	runs(true);
	comes_to_forward(true);
}

static void test_what_sshd_does_not_take_locks_nobody_out(void **state UNUSED)
{
	fileset_add(&world.files, WANTED, 0644, BASE "AllowTcpForwarding perhaps\n");
	fails("goes on as it was");
	assert_int_not_equal(access(DROP_IN, F_OK), 0);
	node_reset(&world, WANTED, NO_FORWARDING);
	runs(true);
	comes_to_forward(false);
	node_reset(&world, WANTED, "NoSuchThing at-all\n");
	fails("sshd does not take " WANTED);
	file_holds(DROP_IN, NO_FORWARDING);
	assert_int_equal(system("sshd -t"), 0);
	node_reset(&world, WANTED, FORWARDING);
	runs(true);
	comes_to_forward(true);
}

static void test_what_was_changed_behind_our_back(void **state UNUSED)
{
	fileset_add(&world.files, WANTED, 0644, NO_FORWARDING);
	runs(true);
	node_write(DROP_IN, FORWARDING);
	runs(true);
	file_holds(DROP_IN, NO_FORWARDING);
	runs(false);
}

static void test_what_another_file_overrules_is_told(void **state UNUSED)
{
	node_write(FOLDER "00-image.conf", "AllowTcpForwarding yes\n");
	fileset_add(&world.files, WANTED, 0644, NO_FORWARDING);
	runs(true);
	file_holds("/opt/davit/run/progress", "davit note sshd AllowTcpForwarding is not \"no\" for sshd here");
	runs(false);
}

/* Another service of the system that is told of its settings, where it runs. */
static void test_the_resolver_reads_its_settings(void **state UNUSED)
{
	static const char path[] = "/etc/systemd/resolved.conf.d/10-davit.conf", told[] = "try-restart systemd-resolved.service\n";

	fileset_add(&world.files, path, 0644, "[Resolve]\nLLMNR=no\n");
	assert_int_equal(system("mkdir -p /run/systemd/resolve"), 0);
	runs(true);
	file_holds("/run/fake/calls", told);
	(void)unlink("/run/fake/calls");
	runs(false);
	node_reset(&world, path, "[Resolve]\nLLMNR=no\nMulticastDNS=no\n");
	assert_int_equal(rmdir("/run/systemd/resolve"), 0);
	runs(true);
	assert_int_equal(system("grep -q resolved /run/fake/calls"), 256); /* there is none */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_settings_are_taken, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_what_sshd_does_not_take_locks_nobody_out, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_what_was_changed_behind_our_back, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_what_another_file_overrules_is_told, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_the_resolver_reads_its_settings, open_world, close_world),
	};

	if (!node_enter())
		return 77;
	cancel_init();
	ssh_global_init();
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
