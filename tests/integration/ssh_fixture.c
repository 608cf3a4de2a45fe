#include "tests/integration/ssh_fixture.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/net/dial.h"
#include <signal.h>
#include <unistd.h>

struct sshd server;

int sshd_fixture_start(void **state UNUSED)
{
	ssh_global_init();
	cancel_init();
	signal(SIGPIPE, SIG_IGN);
	if (!sshd_available()) {
		print_message("there is no sshd that can be started here\n");
		_exit(77); /* meson: skipped */
	}
	assert_success(sshd_start(NULL, &server, &test_error));
	return 0;
}

int sshd_fixture_stop(void **state UNUSED)
{
	sshd_stop(&server);
	return 0;
}

struct ssh *connect_to(const struct sshd *d)
{
	struct ssh *s = NULL;

	assert_success(sshd_connect(d, &s, &test_error));
	return s;
}

static int try(struct ssh_login *login, struct ssh **ret, struct error **err)
{
	int fd = -1;

	login->name = "node-1";
	login->user = server.user;
	login->deadline = clock_deadline(10000);
	assert_success(dial_tcp("127.0.0.1", server.port, login->deadline, &fd, &test_error));
	return ssh_connect(fd, login, ret, err);
}

int try_login(const char *key_file, const char *host_key, struct ssh **ret, struct error **err)
{
	struct ssh_login login = {.key_file = key_file, .host_key = host_key};

	return try(&login, ret, err);
}

int try_fingerprint(const char *fingerprint, struct ssh **ret, struct error **err)
{
	struct ssh_login login = {.key_file = server.key_file, .first_use = true, .fingerprint = fingerprint};

	return try(&login, ret, err);
}

int run_on(struct ssh *s, const char *command, struct buf *out, struct buf *errors)
{
	struct ssh_command c = {.command = command, .out = out, .errors = errors, .deadline = clock_deadline(20000)};
	int status = -1;

	assert_success(ssh_run(s, &c, &status, &test_error));
	return status;
}
