#include "cmd/authorities.h"
#include "cmd/child.h"
#include "cmd/front.h"
#include "cmd/output.h"
#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BEGIN_MS = 2 * 60 * 1000,
	SERVE_MS = 30 * 1000, /* for a connection to find an API server */
	BACKLOG = 64,
	PORT_MAX = 65535,
};

/* A connection of a client. */
struct client {
	struct client *next;
	struct front *front;
	int fd;
	struct parallel_thread *thread;
	atomic_bool ended;
};

struct tunnel {
	struct context c;
	struct reach *reach;
	struct front *front;
	struct pki *pki;
	int listener;
	uint16_t port;
	char *kubeconfig; /* path; NULL: not written */
	struct parallel_thread *thread;
	struct client *clients; /* of the thread */
};

static int serve(void *context, struct error **err)
{
	struct client *c = context;
	struct error *why = NULL;

	(void)err;
	if (front_serve(c->front, c->fd, clock_deadline(SERVE_MS), &why) < 0 && !error_is(why, ERROR_CANCELLED))
		log_warning("%s", error_message(why));
	error_free(why);
	shutdown(c->fd, SHUT_RDWR);
	atomic_store(&c->ended, true);
	return 0;
}

/* Those that have ended; or all of them, when each is waited for. */
static void reap(struct tunnel *t, bool all)
{
	struct client **p = &t->clients;

	while (*p != NULL) {
		struct client *c = *p;

		if (!all && !atomic_load(&c->ended)) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		(void)parallel_join(c->thread, NULL);
		close(c->fd);
		free(c);
	}
}

static void add_client(struct tunnel *t, int fd)
{
	struct client *c = xnew(struct client);

	*c = (struct client){.next = t->clients, .front = t->front, .fd = fd};
	atomic_init(&c->ended, false);
	t->clients = c;
	c->thread = parallel_start(serve, c);
}

static int accept_all(void *context, struct error **err)
{
	struct tunnel *t = context;
	int r;

	while ((r = cancel_poll(t->listener, POLLIN, CLOCK_NEVER, err)) > 0) {
		int fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC);

		reap(t, false);
		if (fd >= 0)
			add_client(t, fd);
		else if (errno == EMFILE || errno == ENFILE)
			r = cancel_sleep(1000, err);
	}
	reap(t, true);
	return r < 0 ? -1 : 0;
}

/* On the loopback alone: whoever may connect here still has to show a certificate to the API server. */
static int listen_here(struct tunnel *t, int port, struct error **err)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)port)};
	socklen_t len = sizeof(a);
	int one = 1;

	t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->listener < 0)
		return error_errno(err, errno, "cannot make a socket");
	(void)setsockopt(t->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(t->listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(t->listener, BACKLOG) < 0 ||
	    getsockname(t->listener, (struct sockaddr *)&a, &len) < 0)
		return error_set(err, ERROR_USAGE, "cannot listen on 127.0.0.1 port %d: %s", port, strerror(errno));
	t->port = ntohs(a.sin_port);
	return 0;
}

/* In the state folder, which is its user's alone: the port is in the name, and nobody else's as long as it is open. */
static int write_kubeconfig(struct tunnel *t, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_FREE char *url = xasprintf("https://127.0.0.1:%u", t->port), *path = xasprintf("tunnel-%u.kubeconfig", t->port);

	if (pki_admin_kubeconfig(t->pki, t->c.spec->name, url, &text, err) < 0)
		return -1;
	t->kubeconfig = state_path(t->c.state, path);
	return path_write(t->kubeconfig, text.data, text.len, 0600, err);
}

static int open_tunnel(const struct options *o, struct tunnel *t, struct error **err)
{
	const char *plane = NULL;

	if (o->port > PORT_MAX)
		return error_set(err, ERROR_USAGE, "--port: \"%d\" is no number from 1 to %d", o->port, PORT_MAX);
	if (context_open(o, CONTEXT_READ, &t->c, err) < 0 ||
	    context_need_kubernetes(&t->c, "\"davit docker-context\" gives access to it, through SSH", err) < 0 || context_need_keys(&t->c, err) < 0 || listen_here(t, o->port, err) < 0)
		return -1;
	t->reach = reach_new(t->c.spec, t->c.state, t->c.inventory);
	if (authorities_open(&t->c, &t->pki, err) < 0 || front_new(t->reach, t->c.inventory, pki_ca_pem(t->pki, "ca"), &t->front, err) < 0 ||
	    front_wait(t->front, clock_deadline(BEGIN_MS), &plane, err) < 0 || write_kubeconfig(t, err) < 0)
		return -1;
	log_debug("through %s, at 127.0.0.1 port %u", plane, t->port);
	t->thread = parallel_start(accept_all, t);
	return 0;
}

/* All that waits wakes at once: nothing comes after it. */
static void close_tunnel(struct tunnel *t)
{
	cancel_stop();
	(void)parallel_join(t->thread, NULL);
	front_free(t->front);
	reach_free(t->reach);
	pki_free(t->pki);
	if (t->listener >= 0)
		close(t->listener);
	if (t->kubeconfig != NULL)
		unlink(t->kubeconfig);
	free(t->kubeconfig);
	context_close(&t->c);
}

static void tell(const struct tunnel *t)
{
	CLEANUP_BUF struct buf quoted = BUF_INIT;

	if (t->c.o->format == OUTPUT_JSON) {
		struct json_object *o = json_object_new_object();

		json_add_int(o, "port", t->port);
		json_add_str(o, "kubeconfig", t->kubeconfig);
		output_json(o);
		fflush(stdout);
		return;
	}
	buf_add_shell(&quoted, t->kubeconfig);
	printf("export KUBECONFIG=%s\n", buf_str(&quoted));
	fflush(stdout);
	log_info("the API of cluster %s is at https://127.0.0.1:%u for programs of this machine, until Ctrl-C; the line above is for the shells that use it",
		 t->c.spec->name, t->port);
}

/* Ctrl-C is the usual end of it. */
static int stay(const struct tunnel *t, struct error **err)
{
	struct error *why = NULL;

	tell(t);
	while (cancel_poll(-1, 0, CLOCK_NEVER, &why) == 0)
		;
	if (!error_is(why, ERROR_CANCELLED))
		return error_move(err, why);
	error_free(why);
	return 0;
}

static int run_command(const struct tunnel *t, struct error **err)
{
	const struct strv *args = &t->c.o->args;
	char **argv = xnew_n(char *, args->n + 1);
	int status = 0, r;

	for (size_t i = 0; i < args->n; i++)
		argv[i] = args->v[i];
	r = child_run(argv, "KUBECONFIG", t->kubeconfig, &status, err);
	free(argv);
	return r < 0 ? -1 : status;
}

int verb_tunnel(const struct options *o, struct error **err)
{
	struct tunnel t = {.listener = -1};
	int r = open_tunnel(o, &t, err);

	if (r == 0)
		r = o->args.n > 0 ? run_command(&t, err) : stay(&t, err);
	close_tunnel(&t);
	return r;
}
