#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/net/bastion_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <sys/param.h>

enum {
	ASKED_MIN = 16, /* at a time, until the program says how many it takes */
	ANSWER_MAX = 4096,
};

/*
 * "ID HOST PORT" lines in, "ID STATUS" lines out: 0 open, 124 no answer within its time (as timeout(1) says it), else
 * refused; first "max N", the number of ports it tries at a time.  Python does it in one process and is where cloud-init is;
 * bash needs three for each port.  No single quote in either: they are arguments of sh.
 */
#define PYTHON                                                                                                                   \
	"import errno, os, selectors, socket, time\n"                                                                            \
	"waiting, rest, ready = {}, b\"\", selectors.DefaultSelector()\n"                                                        \
	"def say(text): os.write(1, (text + \"\\n\").encode())\n"                                                                \
	"def begin(name, host, port):\n"                                                                                         \
	"    c = socket.socket(socket.AF_INET6 if \":\" in host else socket.AF_INET)\n"                                          \
	"    c.setblocking(False)\n"                                                                                             \
	"    try: e = c.connect_ex((host, int(port)))\n"                                                                         \
	"    except OSError: e = errno.EHOSTUNREACH\n"                                                                           \
	"    if e not in (0, errno.EINPROGRESS): return say(name + \" 1\")\n"                                                    \
	"    waiting[c] = (name, time.monotonic() + 0.7)\n"                                                                      \
	"    ready.register(c, selectors.EVENT_WRITE)\n"                                                                         \
	"def end(c, status):\n"                                                                                                  \
	"    say(\"%s %d\" % (waiting.pop(c)[0], status))\n"                                                                     \
	"    ready.unregister(c)\n"                                                                                              \
	"    c.close()\n"                                                                                                        \
	"say(\"max 1000\")\n"                                                                                                    \
	"ready.register(0, selectors.EVENT_READ)\n"                                                                              \
	"while True:\n"                                                                                                          \
	"    now = time.monotonic()\n"                                                                                           \
	"    for c in [c for c, w in waiting.items() if w[1] <= now]: end(c, 124)\n"                                             \
	"    left = min((w[1] for w in waiting.values()), default=now + 3600) - now\n"                                           \
	"    for key, _ in ready.select(left):\n"                                                                                \
	"        if key.fileobj != 0:\n"                                                                                         \
	"            end(key.fileobj, 1 if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) else 0)\n"                 \
	"            continue\n"                                                                                                 \
	"        more = os.read(0, 65536)\n"                                                                                     \
	"        if not more: raise SystemExit\n"                                                                                \
	"        *lines, rest = (rest + more).split(b\"\\n\")\n"                                                                 \
	"        for line in lines: begin(*line.decode().split())\n"
#define BASH                                                                                                                     \
	"echo max 64; while read -r id host port; do { "                                                                         \
	"timeout 1 bash -c \"exec 3<>/dev/tcp/\\$0/\\$1\" \"$host\" \"$port\" </dev/null; echo \"$id $?\"; } & done"
/* python3 may be there and not work, e.g. a wrapper of pyenv: it fails before it has read anything. */
static const char program[] = "exec 2>/dev/null; python3 -IS -c '" PYTHON "' || exec bash -c '" BASH "'";

static void answer_all(struct requests *l, prober_answered *answered, void *context)
{
	struct request *r;

	while ((r = requests_take(l)) != NULL)
		answered(r, PROBE_UNKNOWN, context);
}

void prober_end(struct prober *p, prober_answered *answered, void *context)
{
	p->state = PROBER_OFF;
	p->n_asked = 0;
	answer_all(&p->asked, answered, context);
	answer_all(&p->waiting, answered, context);
	buf_free(&p->out);
	buf_free(&p->in);
}

/* It does not work here: everybody tries for himself. */
static void turn_off(struct prober *p, const struct ssh *s, const char *why, prober_answered *answered, void *context)
{
	log_debug("%s: cannot try ports for those who wait: %s", s->name, why);
	prober_end(p, answered, context);
}

static struct request *take_asked(struct prober *p, uint64_t id)
{
	struct request *r, *before = NULL;

	for (r = p->asked.first; r != NULL && r->id != id; r = r->next)
		before = r;
	if (r == NULL)
		return NULL;
	if (before == NULL)
		p->asked.first = r->next;
	else
		before->next = r->next;
	if (p->asked.last == r)
		p->asked.last = before;
	r->next = NULL;
	p->n_asked--;
	return r;
}

static void take_line(struct prober *p, const char *line, prober_answered *answered, void *context)
{
	uint64_t id = 0;
	int status = 0;
	struct request *r;

	if (sscanf(line, "max %u", &p->max_asked) == 1)
		return;
	if (sscanf(line, "%" SCNu64 " %d", &id, &status) != 2)
		return; /* a word of the shell */
	r = take_asked(p, id);
	if (r != NULL)
		answered(r, status == 0 ? PROBE_OPEN : status == 124 ? PROBE_SILENT : PROBE_REFUSED, context);
}

static void take_lines(struct prober *p, prober_answered *answered, void *context)
{
	size_t at = 0;
	char *end;

	while ((end = memchr(p->in.data + at, '\n', p->in.len - at)) != NULL) {
		*end = '\0';
		take_line(p, p->in.data + at, answered, context);
		at = (size_t)(end + 1 - p->in.data);
	}
	memmove(p->in.data, p->in.data + at, p->in.len - at);
	buf_truncate(&p->in, p->in.len - at > ANSWER_MAX ? 0 : p->in.len - at);
}

static void ask_more(struct prober *p)
{
	struct request *r;

	while (p->n_asked < MAX(p->max_asked, ASKED_MIN) && (r = requests_take(&p->waiting)) != NULL) {
		r->id = p->next_id++;
		buf_addf(&p->out, "%" PRIu64 " %s %u\n", r->id, r->host, r->port);
		requests_add(&p->asked, r);
		p->n_asked++;
	}
}

static ssize_t write_questions(struct prober *p)
{
	ssize_t n = 0;

	while (p->out_at < p->out.len &&
	       (n = libssh2_channel_write(p->channel, p->out.data + p->out_at, p->out.len - p->out_at)) > 0)
		p->out_at += (size_t)n;
	if (p->out_at == p->out.len) {
		buf_truncate(&p->out, 0);
		p->out_at = 0;
	}
	return n;
}

static void talk(struct prober *p, const struct ssh *s, prober_answered *answered, void *context)
{
	char chunk[1024];
	ssize_t n, w;

	ask_more(p);
	w = write_questions(p);
	while ((n = libssh2_channel_read(p->channel, chunk, sizeof(chunk))) > 0)
		buf_add_mem(&p->in, chunk, (size_t)n);
	if (p->in.len > 0)
		take_lines(p, answered, context);
	if (libssh2_channel_eof(p->channel) == 1 || (n < 0 && n != LIBSSH2_ERROR_EAGAIN) || (w < 0 && w != LIBSSH2_ERROR_EAGAIN))
		turn_off(p, s, "the program for it ended", answered, context);
}

static void open_channel(struct prober *p, struct ssh *s, prober_answered *answered, void *context)
{
	p->channel = libssh2_channel_open_ex(s->session, "session", strlen("session"), SSH_PACKET, SSH_PACKET, NULL, 0);
	if (p->channel != NULL)
		p->state = PROBER_STARTING;
	else if (libssh2_session_last_errno(s->session) == LIBSSH2_ERROR_EAGAIN)
		p->state = PROBER_OPENING;
	else
		turn_off(p, s, "it opens no channel for a command", answered, context);
}

static void start(struct prober *p, const struct ssh *s, prober_answered *answered, void *context)
{
	int rc = libssh2_channel_process_startup(p->channel, "exec", strlen("exec"), program, sizeof(program) - 1);

	if (rc == 0)
		p->state = PROBER_READY;
	else if (rc != LIBSSH2_ERROR_EAGAIN)
		turn_off(p, s, "it runs no command", answered, context);
}

void prober_turn(struct prober *p, struct ssh *s, bool may_open, prober_answered *answered, void *context)
{
	if (p->state == PROBER_OFF)
		answer_all(&p->waiting, answered, context);
	if (p->state == PROBER_OPENING || (p->state == PROBER_IDLE && may_open && p->waiting.first != NULL))
		open_channel(p, s, answered, context);
	if (p->state == PROBER_STARTING)
		start(p, s, answered, context);
	if (p->state == PROBER_READY)
		talk(p, s, answered, context);
}
