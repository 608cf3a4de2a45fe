#include "cmd/passphrase.h"
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/path.h"
#include <poll.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

static int take(const char *where, const char *text, size_t len, char **ret, struct error **err)
{
	while (len > 0 && text[len - 1] == '\r') /* of a file from elsewhere */
		len--;
	if (len == 0)
		return error_set(err, ERROR_CONFIG, "%s: the passphrase is empty", where);
	*ret = xstrndup(text, len);
	return 0;
}

static int from_file(const char *path, char **ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;

	if (path_read(path, &text, err) < 0)
		return -1;
	return take(path, buf_str(&text), strcspn(buf_str(&text), "\n"), ret, err);
}

/* A line, byte by byte, so that Ctrl-C is heard in between and the terminal is put back. */
static int read_line(struct buf *ret, struct error **err)
{
	for (;;) {
		char c = '\0';
		ssize_t n;

		if (cancel_poll(STDIN_FILENO, POLLIN, CLOCK_NEVER, err) < 0)
			return -1;
		n = read(STDIN_FILENO, &c, 1);
		if (n <= 0 || c == '\n')
			return 0;
		buf_add_char(ret, c);
	}
}

static int ask_once(const char *prompt, const char *advice, struct buf *ret, struct error **err)
{
	struct termios saved, silent;
	int r;

	if (tcgetattr(STDIN_FILENO, &saved) < 0)
		return error_set(err, ERROR_USAGE, "standard input is no terminal to ask for the passphrase on: give %s", advice);
	silent = saved;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fputs(prompt, stderr);
	fflush(stderr);
	r = read_line(ret, err);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	fputc('\n', stderr);
	return r;
}

static int from_terminal(const struct passphrase_source *from, bool is_new, char **ret, struct error **err)
{
	CLEANUP(buf_wipe) struct buf first = BUF_INIT, second = BUF_INIT;

	if (ask_once(from->prompt, from->advice, &first, err) < 0 || (is_new && ask_once("once more: ", from->advice, &second, err) < 0))
		return -1;
	if (is_new && strcmp(buf_str(&first), buf_str(&second)) != 0)
		return error_set(err, ERROR_CONFIG, "the two are not the same: nothing was done");
	return take("standard input", buf_str(&first), first.len, ret, err);
}

int passphrase_get(const struct passphrase_source *from, bool is_new, char **ret, struct error **err)
{
	const char *variable = getenv(from->variable);
	CLEANUP_FREE char *where = xasprintf("$%s", from->variable);

	if (from->file != NULL)
		return from_file(from->file, ret, err);
	if (variable != NULL)
		return take(where, variable, strlen(variable), ret, err);
	return from_terminal(from, is_new, ret, err);
}

int passphrase_read(const struct options *o, bool is_new, char **ret, struct error **err)
{
	struct passphrase_source from = {o->passphrase_file, PASSPHRASE_VARIABLE, "passphrase: ", "--passphrase-file or $" PASSPHRASE_VARIABLE};

	return passphrase_get(&from, is_new, ret, err);
}
