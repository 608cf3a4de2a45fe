#include "cmd/live.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/cancel.h"
#include "core/base/parallel.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINES_MAX = 24, REDRAW_MS = 200 };

struct phase {
	char *subject, *phase;
	int64_t begin, end; /* clock_ms(); end 0: running */
	bool failed;
};

struct line {
	char *subject, *phase, *text;
	int64_t begin, since, end; /* of the subject, of its phase, of all */
	bool running, failed;
};

struct live {
	pthread_mutex_t lock;
	struct state *state;
	bool fancy, quiet;
	int64_t start;
	char *run;
	struct line *lines;
	size_t n, cap;
	struct phase *phases;
	size_t n_phases, cap_phases;
	int drawn; /* lines of the last picture */
	struct parallel_thread *ticker;
	int stop_fd;
};

static struct line *line_of(struct live *l, const char *subject, int64_t at)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->lines[i].subject, subject) == 0)
			return &l->lines[i];
	array_grow(l->lines, l->n, l->cap);
	l->lines[l->n] = (struct line){.subject = xstrdup(subject), .phase = xstrdup(""), .text = xstrdup(""), .begin = at, .since = at};
	return &l->lines[l->n++];
}

static struct phase *phase_of(struct live *l, const char *subject, const char *phase, int64_t at)
{
	for (size_t i = l->n_phases; i-- > 0;)
		if (l->phases[i].end == 0 && strcmp(l->phases[i].subject, subject) == 0 && strcmp(l->phases[i].phase, phase) == 0)
			return &l->phases[i];
	array_grow(l->phases, l->n_phases, l->cap_phases);
	l->phases[l->n_phases] = (struct phase){xstrdup(subject), xstrdup(phase), at, 0, false};
	return &l->phases[l->n_phases++];
}

static void replace(char **s, const char *with)
{
	free(*s);
	*s = xstrdup(with);
}

static double seconds(int64_t ms)
{
	return (double)ms / 1000;
}

static void format_line(struct buf *b, const struct line *line, int64_t now, int width)
{
	CLEANUP_FREE char *left = NULL;
	const char *mark = line->failed ? "✗" : line->running ? "·" : "✓";
	int64_t end = line->running ? now : line->end;

	left = xasprintf("%s %-22s %6.1f s  %-10s %s", mark, line->subject, seconds(end - line->begin), line->phase, line->text);
	buf_addf(b, "%.*s\x1b[K\n", width + 2, left); /* the mark is one column and three bytes */
}

static int terminal_width(void)
{
	struct winsize size = {0};

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col - 1 : 100;
}

/* under the lock */
static void erase(struct live *l, struct buf *b)
{
	if (l->drawn > 0)
		buf_addf(b, "\x1b[%dA\x1b[J", l->drawn);
	l->drawn = 0;
}

static void draw(struct live *l)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	size_t first = l->n > LINES_MAX ? l->n - LINES_MAX : 0;
	int64_t now = clock_ms();
	int width = terminal_width();

	if (!l->fancy)
		return;
	if (l->drawn > 0)
		buf_addf(&b, "\x1b[%dA", l->drawn);
	for (size_t i = first; i < l->n; i++)
		format_line(&b, &l->lines[i], now, width);
	l->drawn = (int)(l->n - first);
	fwrite(b.data, 1, b.len, stderr);
	fflush(stderr);
}

static void sink(const char *text, void *context)
{
	struct live *l = context;
	CLEANUP_BUF struct buf b = BUF_INIT;

	pthread_mutex_lock(&l->lock);
	erase(l, &b);
	buf_add(&b, text);
	fwrite(b.data, 1, b.len, stderr);
	draw(l);
	pthread_mutex_unlock(&l->lock);
}

static const char *const type_names[] = {"begin", "progress", "end", "fail"};

static void say(struct live *l, const struct event *e, const struct phase *p)
{
	if (l->fancy || l->quiet || e->type == EVENT_BEGIN || e->type == EVENT_PROGRESS)
		return;
	log_info("[%6.1f s] %s: %s %s (%.1f s)%s%s", seconds(e->at_ms - l->start), e->subject, e->phase,
		 e->type == EVENT_FAIL ? "failed" : "done", seconds(p->end - p->begin), e->text[0] ? ": " : "", e->text);
}

static void update(struct live *l, const struct event *e, struct phase *p)
{
	struct line *line = line_of(l, e->subject, e->at_ms);

	if (e->type == EVENT_END || e->type == EVENT_FAIL)
		p->end = e->at_ms > p->begin ? e->at_ms : p->begin + 1;
	p->failed = e->type == EVENT_FAIL;
	line->end = e->at_ms;
	line->running = e->type == EVENT_BEGIN || e->type == EVENT_PROGRESS;
	line->failed = e->type == EVENT_FAIL;
	replace(&line->phase, e->phase);
	replace(&line->text, e->text);
}

static void on_event(const struct event *e, void *context)
{
	struct live *l = context;
	struct phase copy;

	pthread_mutex_lock(&l->lock);
	update(l, e, phase_of(l, e->subject, e->phase, e->at_ms));
	copy = l->phases[l->n_phases - 1];
	for (size_t i = l->n_phases; i-- > 0;)
		if (strcmp(l->phases[i].subject, e->subject) == 0 && strcmp(l->phases[i].phase, e->phase) == 0) {
			copy = l->phases[i];
			break;
		}
	draw(l);
	pthread_mutex_unlock(&l->lock);
	say(l, e, &copy);
	/* the record is a help, not a duty: a full disk is told by the writes that matter */
	if (l->state != NULL && e->type != EVENT_PROGRESS &&
	    state_event(l->state, l->run, e->wall_ms, type_names[e->type], e->subject, e->phase, e->text, NULL) < 0)
		log_debug("an event was not recorded");
}

static int tick(void *context, struct error **err)
{
	struct live *l = context;
	struct pollfd stop = {.fd = l->stop_fd, .events = POLLIN};

	(void)err;
	while (poll(&stop, 1, REDRAW_MS) == 0) {
		pthread_mutex_lock(&l->lock);
		draw(l);
		pthread_mutex_unlock(&l->lock);
	}
	return 0;
}

struct live *live_new(struct events *events, struct state *state, const struct options *o)
{
	struct live *l = xnew(struct live);

	pthread_mutex_init(&l->lock, NULL);
	l->state = state;
	l->quiet = o->verbosity < 0;
	l->fancy = !l->quiet && !o->json_log && isatty(STDERR_FILENO);
	l->start = clock_ms();
	l->run = random_hex(8);
	l->stop_fd = eventfd(0, EFD_CLOEXEC);
	events_listen(events, on_event, l);
	if (l->fancy) {
		log_set_sink(sink, l);
		l->ticker = parallel_start(tick, l);
	}
	return l;
}

void live_phases(struct live *l)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	if (l->quiet)
		return;
	pthread_mutex_lock(&l->lock);
	erase(l, &b);
	for (size_t i = 0; i < l->n; i++) {
		buf_addf(&b, "  %-24s", l->lines[i].subject);
		for (size_t k = 0; k < l->n_phases; k++) {
			const struct phase *p = &l->phases[k];

			if (strcmp(p->subject, l->lines[i].subject) == 0 && p->end != 0)
				buf_addf(&b, " %s%s %.1f–%.1f", p->phase, p->failed ? " FAILED" : "", seconds(p->begin - l->start),
					 seconds(p->end - l->start));
		}
		buf_add_char(&b, '\n');
	}
	l->fancy = false;
	pthread_mutex_unlock(&l->lock);
	fwrite(buf_str(&b), 1, b.len, stderr);
}

void live_free(struct live *l)
{
	uint64_t one = 1;

	if (l == NULL)
		return;
	if (l->ticker != NULL && write(l->stop_fd, &one, sizeof(one)) == sizeof(one))
		parallel_join(l->ticker, NULL);
	log_set_sink(NULL, NULL);
	close(l->stop_fd);
	for (size_t i = 0; i < l->n; i++) {
		free(l->lines[i].subject);
		free(l->lines[i].phase);
		free(l->lines[i].text);
	}
	for (size_t i = 0; i < l->n_phases; i++) {
		free(l->phases[i].subject);
		free(l->phases[i].phase);
	}
	free(l->lines);
	free(l->phases);
	free(l->run);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
