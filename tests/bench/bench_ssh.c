/* Megabytes a second through a session and through a bastion, and logins a second, with a real sshd on this machine. */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/net/bastion.h"
#include "tests/integration/peer.h"
#include "tests/integration/sshd.h"
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MIB = 1024 * 1024 };

static struct sshd server;

static void report(const char *what, double amount, const char *unit, int64_t begin)
{
	double seconds = (double)(clock_ms() - begin) / 1000;

	printf("%-44s %8.1f %s (%.2f s)\n", what, amount / seconds, unit, seconds);
}

static double cpu_seconds(int who)
{
	struct rusage u = {0};

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int read_zeros(void *p, size_t n, size_t *ret_n, void *context, struct error **err UNUSED)
{
	size_t *left = context;

	n = n < *left ? n : *left;
	memset(p, 0, n);
	*left -= n;
	*ret_n = n;
	return 0;
}

static int count(const void *p UNUSED, size_t n, void *context, struct error **err UNUSED)
{
	*(size_t *)context += n;
	return 0;
}

static int bench_session(size_t n, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;
	CLEANUP_FREE char *command = xasprintf("head -c %zu /dev/zero", n);
	size_t left = n, seen = 0;
	struct ssh_command up = {.command = "cat >/dev/null", .read = read_zeros, .read_context = &left};
	struct ssh_command down = {.command = command, .write = count, .write_context = &seen};
	int64_t begin;
	double cpu = cpu_seconds(RUSAGE_SELF);

	if (sshd_connect(&server, &s, err) < 0)
		return -1;
	begin = clock_ms();
	if (ssh_must_run(s, &up, err) < 0)
		return -1;
	report("session, up", (double)n / MIB, "MiB/s", begin);
	printf("    %.2f s of processor time here\n", cpu_seconds(RUSAGE_SELF) - cpu);
	cpu = cpu_seconds(RUSAGE_SELF);
	begin = clock_ms();
	if (ssh_must_run(s, &down, err) < 0)
		return -1;
	report("session, down", (double)seen / MIB, "MiB/s", begin);
	printf("    %.2f s of processor time here\n", cpu_seconds(RUSAGE_SELF) - cpu);
	return 0;
}

static int pump(struct bastion *b, enum peer_habit habit, size_t up, size_t *ret_down, struct error **err)
{
	static char chunk[262144];
	uint16_t port;
	struct peer *peer = peer_start(habit, &port);
	int fd = -1;
	ssize_t n;

	if (bastion_dial(b, "127.0.0.1", port, clock_deadline(5000), &fd, err) < 0)
		return -1;
	while (up > 0 && (n = send(fd, chunk, up < sizeof(chunk) ? up : sizeof(chunk), MSG_NOSIGNAL)) > 0)
		up -= (size_t)n;
	shutdown(fd, SHUT_WR);
	*ret_down = 0;
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		*ret_down += (size_t)n;
	close(fd);
	peer_stop(peer);
	return 0;
}

static int echo_once(size_t i UNUSED, void *context, struct error **err)
{
	uint16_t port = *(uint16_t *)((void **)context)[1];
	int fd = -1;

	if (bastion_dial(((void **)context)[0], "127.0.0.1", port, clock_deadline(60000), &fd, err) < 0)
		return -1;
	close(fd);
	return 0;
}

static int bench_bastion(size_t n, struct error **err)
{
	struct ssh *s = NULL;
	struct bastion *b = NULL;
	uint16_t port;
	struct peer *peer = peer_start(PEER_ECHO, &port);
	void *context[2] = {NULL, &port};
	size_t down = 0;
	int64_t begin;
	int r = -1;

	if (sshd_connect(&server, &s, err) < 0 || bastion_new(s, &b, err) < 0)
		return -1;
	context[0] = b;
	begin = clock_ms();
	if (pump(b, PEER_SINK, n, &down, err) == 0) {
		report("bastion, up", (double)n / MIB, "MiB/s", begin);
		begin = clock_ms();
		r = pump(b, PEER_GIVE, 0, &down, err);
		report("bastion, down", (double)down / MIB, "MiB/s", begin);
	}
	begin = clock_ms();
	if (r == 0)
		r = parallel_for(2000, 200, echo_once, context, NULL, err);
	report("bastion, connections", 2000, "/s", begin);
	bastion_free(b);
	peer_stop(peer);
	return r;
}

static int log_in(size_t i UNUSED, void *context UNUSED, struct error **err)
{
	CLEANUP_SSH struct ssh *s = NULL;

	return sshd_connect(&server, &s, err);
}

static int bench_logins(struct error **err)
{
	int64_t begin = clock_ms();
	double cpu = cpu_seconds(RUSAGE_SELF);

	if (parallel_for(300, 20, log_in, NULL, NULL, err) < 0)
		return -1;
	report("logins, 20 at a time", 300, "/s", begin);
	printf("    %.1f ms of processor time here for each\n", (cpu_seconds(RUSAGE_SELF) - cpu) * 1000 / 300);
	return 0;
}

static double resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (f == NULL || fscanf(f, "%*s %lu", &pages) != 1)
		abort();
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static int keep_session(size_t i, void *context, struct error **err)
{
	struct ssh **sessions = context;
	struct ssh_command c = {.command = "true"};

	return sshd_connect(&server, &sessions[i], err) < 0 || ssh_must_run(sessions[i], &c, err) < 0 ? -1 : 0;
}

static int bench_memory(struct error **err)
{
	enum { N = 200 };
	struct ssh *sessions[N] = {NULL};
	double before = resident_kib();
	int r = parallel_for(N, 10, keep_session, sessions, NULL, err);

	printf("%-44s %8.1f KiB each\n", "idle sessions after a command", (resident_kib() - before) / N);
	for (size_t i = 0; i < N; i++)
		ssh_free(sessions[i]);
	return r;
}

int main(int argc, char **argv)
{
	size_t n = (size_t)(argc > 1 ? atoi(argv[1]) : 1024) * MIB;
	CLEANUP_ERROR struct error *error = NULL;
	int r;

	ssh_global_init();
	cancel_init();
	signal(SIGPIPE, SIG_IGN);
	if (!sshd_available() || sshd_start(NULL, &server, &error) < 0) {
		fprintf(stderr, "bench_ssh: cannot start an sshd: %s\n", error_message(error));
		return 1;
	}
	r = bench_session(n, &error);
	if (r == 0)
		r = bench_bastion(n, &error);
	if (r == 0)
		r = bench_logins(&error);
	if (r == 0)
		r = bench_memory(&error);
	sshd_stop(&server);
	if (r < 0)
		fprintf(stderr, "bench_ssh: %s\n", error_message(error));
	return r < 0;
}
