#include "tests/integration/sshd.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include "core/net/dial.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
void sshd_leaks(bool on)
{
	if (on)
		__lsan_disable();
	else
		__lsan_enable();
}
#else
void sshd_leaks(bool on UNUSED)
{
}
#endif

static const char program[] = "/usr/sbin/sshd";

bool sshd_available(void)
{
	if (access(program, X_OK) != 0)
		return false;
	return geteuid() != 0 || mkdir("/run/sshd", 0755) == 0 || errno == EEXIST; /* where it separates privileges */
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		abort();
	close(fd);
	return ntohs(a.sin_port);
}

char *sshd_read_line(const char *path)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	if (path_read(path, &b, NULL) < 0)
		return NULL;
	return xstrndup(buf_str(&b), strcspn(buf_str(&b), "\n"));
}

static int make_pair(const char *dir, const char *name, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name), *pub = xasprintf("%s.pub", path);
	CLEANUP(buf_wipe) struct buf private = BUF_INIT;
	CLEANUP_BUF struct buf public = BUF_INIT;

	if (ssh_keygen(name, &private, &public, err) < 0)
		return -1;
	buf_add_char(&public, '\n');
	if (path_write(path, private.data, private.len, 0600, err) < 0)
		return -1;
	return path_write(pub, public.data, public.len, 0644, err);
}

static int write_config(const struct sshd *d, const char *extra, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s/sshd_config", d->dir);
	CLEANUP_BUF struct buf b = BUF_INIT;

	buf_add(&b, extra == NULL ? "" : extra); /* sshd takes the first that is said of a thing */
	buf_addf(&b, "Port %u\nListenAddress 127.0.0.1\nPidFile none\nHostKey %s/host\n", d->port, d->dir);
	buf_addf(&b, "AuthorizedKeysFile %s/user.pub\nPermitRootLogin yes\nStrictModes no\nUsePAM no\nUseDNS no\nPrintMotd no\n",
		 d->dir);
	buf_add(&b, "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 200\nLogLevel INFO\n");
	return path_write(path, b.data, b.len, 0600, err);
}

/* In the child. */
static void run_sshd(const char *dir)
{
	CLEANUP_FREE char *config = xasprintf("%s/sshd_config", dir), *log = xasprintf("%s/log", dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	dup2(fd, STDERR_FILENO);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* it does not outlive a test that was killed */
	execl(program, program, "-D", "-e", "-f", config, (char *)NULL);
	_exit(127);
}

static int prepare(struct sshd *d, const char *extra, struct error **err)
{
	static const char *const names[] = {"host", "user", "other"};
	CLEANUP_FREE char *host = xasprintf("%s/host.pub", d->dir);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (make_pair(d->dir, names[i], err) < 0)
			return -1;
	}
	d->host_key = sshd_read_line(host);
	d->key_file = xasprintf("%s/user", d->dir);
	d->other_key = xasprintf("%s/other", d->dir);
	d->user = xstrdup(getpwuid(geteuid())->pw_name);
	d->port = free_port();
	return write_config(d, extra, err);
}

static int launch(struct sshd *d, struct error **err)
{
	int fd = -1;

	d->pid = fork();
	if (d->pid == 0)
		run_sshd(d->dir);
	if (dial_wait("127.0.0.1", d->port, clock_deadline(10000), &fd, err) < 0)
		return -1;
	close(fd);
	return 0;
}

int sshd_start(const char *extra, struct sshd *ret, struct error **err)
{
	struct sshd d = {.dir = xasprintf("%s/davit-sshd-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp")};

	if (mkdtemp(d.dir) == NULL)
		return error_errno(err, errno, "mkdtemp %s", d.dir);
	if (prepare(&d, extra, err) < 0 || launch(&d, err) < 0) {
		sshd_stop(&d);
		return -1;
	}
	*ret = d;
	return 0;
}

void sshd_stop(struct sshd *d)
{
	if (d->pid > 0) {
		kill(-d->pid, SIGTERM); /* its group: the connections too */
		kill(d->pid, SIGTERM);
		waitpid(d->pid, NULL, 0);
	}
	(void)!path_remove_tree(d->dir, NULL);
	free(d->dir);
	free(d->host_key);
	free(d->key_file);
	free(d->other_key);
	free(d->user);
	*d = (struct sshd){0};
}

int sshd_connect(const struct sshd *d, struct ssh **ret, struct error **err)
{
	struct ssh_login login = {.name = "node-1",
				  .user = d->user,
				  .key_file = d->key_file,
				  .host_key = d->host_key,
				  .deadline = clock_deadline(10000)};
	int fd = -1;

	if (dial_tcp("127.0.0.1", d->port, login.deadline, &fd, err) < 0)
		return -1;
	return ssh_connect(fd, &login, ret, err);
}
