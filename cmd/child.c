#include "cmd/child.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t running; /* one at a time */

/* A terminal has told the program itself. */
static void pass_on(int signum, siginfo_t *info, void *context UNUSED)
{
	int saved = errno;

	if (info->si_code == SI_USER && running > 0)
		kill(running, signum);
	errno = saved;
}

enum { N_SIGNALS = 2 };
static const int passed_on[N_SIGNALS] = {SIGINT, SIGQUIT};

static void take_signals(struct sigaction ret_old[N_SIGNALS])
{
	struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_RESTART | SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(passed_on[i], &action, &ret_old[i]);
}

static void give_signals_back(const struct sigaction old[N_SIGNALS])
{
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(passed_on[i], &old[i], NULL);
}

/* The caller frees the array and its first string. */
static char **environment_with(const char *variable, const char *value)
{
	size_t n = 0, kept = 0, len = strlen(variable);
	char **ret;

	while (environ[n] != NULL)
		n++;
	ret = xnew_n(char *, n + 2);
	ret[kept++] = xasprintf("%s=%s", variable, value);
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], variable, len) != 0 || environ[i][len] != '=')
			ret[kept++] = environ[i];
	return ret;
}

/* What this process ignores or catches is the default's again there. */
static int start(char *const argv[], char *const environment[], pid_t *ret)
{
	posix_spawnattr_t attributes;
	sigset_t all;
	int r;

	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	r = posix_spawnp(ret, argv[0], NULL, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	return r;
}

static int end_of(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int await(pid_t pid, int *ret_status, struct error **err)
{
	int fd = pidfd_open(pid, 0), r;

	if (fd < 0) {
		kill(pid, SIGTERM);
		(void)end_of(pid);
		return error_errno(err, errno, "pidfd_open");
	}
	r = cancel_poll(fd, POLLIN, CLOCK_NEVER, err);
	if (r < 0)
		kill(pid, SIGTERM);
	*ret_status = end_of(pid);
	close(fd);
	return r < 0 ? -1 : 0;
}

int child_run(char *const argv[], const char *variable, const char *value, int *ret_status, struct error **err)
{
	char **environment = environment_with(variable, value);
	struct sigaction old[N_SIGNALS];
	pid_t pid = 0;
	int r;

	take_signals(old);
	r = start(argv, environment, &pid);
	if (r == 0) {
		running = pid;
		r = await(pid, ret_status, err);
		running = 0;
	} else {
		error_set(err, ERROR_USAGE, "cannot run %s: %s", argv[0], strerror(r));
		r = -1;
	}
	give_signals_back(old);
	free(environment[0]);
	free(environment);
	return r;
}
