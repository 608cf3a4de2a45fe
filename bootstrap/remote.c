#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/strv.h"

#define WORDS_LINES 3

void remote_command(struct buf *command, const char *text)
{
	buf_add(command, "sudo -n sh -c ");
	buf_add_shell(command, text);
	buf_add(command, " davit");
}

void remote_installer(struct buf *command, const char *text)
{
	CLEANUP_FREE char *whole = xasprintf("%s%s", text_installer, text);

	remote_command(command, whole);
}

void remote_arguments(struct buf *command, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_add_char(command, ' ');
		buf_add_shell(command, words[i]);
	}
}

char *remote_words(const char *errors)
{
	CLEANUP_STRV struct strv lines = STRV_INIT, last = STRV_INIT;

	strv_split(&lines, errors, "\r\n");
	for (size_t i = lines.n > WORDS_LINES ? lines.n - WORDS_LINES : 0; i < lines.n; i++)
		strv_add(&last, lines.v[i]);
	return strv_join(&last, "; ");
}

int remote_run(struct ssh *s, const char *what, struct ssh_command *c, struct error **err)
{
	CLEANUP_BUF struct buf errors = BUF_INIT;
	CLEANUP_FREE char *words = NULL;
	int status = 0;

	c->errors = &errors;
	if (ssh_run(s, c, &status, err) < 0)
		return error_wrap(err, "%s", what);
	if (status == 0)
		return 0;
	words = remote_words(buf_str(&errors));
	return error_set(err, ERROR_NODE, "%s ended with status %d: %s", what, status, words);
}
