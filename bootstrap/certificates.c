#include "bootstrap/certificates.h"
#include "bootstrap/remote.h"
#include "bootstrap/texts.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"

enum { RESTART_MS = 2 * 60 * 1000 };

#define MARK "davit file "

void certificates_read(const char *text, const struct strv *paths, struct fileset *ret)
{
	struct file *file = NULL;

	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n"), whole = len + (line[len] == '\n');
		CLEANUP_FREE char *path = strncmp(line, MARK, strlen(MARK)) == 0 ? xstrndup(line + strlen(MARK), len - strlen(MARK)) : NULL;

		if (path != NULL)
			file = strv_has(paths, path) ? fileset_add(ret, path, 0644, "") : NULL;
		else if (file != NULL)
			buf_add_mem(&file->content, line, whole);
		line += whole;
	}
}

int bootstrap_certificates(struct ssh *s, const struct strv *paths, int64_t deadline, struct fileset *ret, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT, out = BUF_INIT;
	struct ssh_command c = {.out = &out, .deadline = deadline};

	remote_command(&command, text_certificates);
	for (size_t i = 0; i < paths->n; i++) {
		buf_add_char(&command, ' ');
		buf_add_shell(&command, paths->v[i]);
	}
	c.command = buf_str(&command);
	if (remote_run(s, "reading its certificates", &c, err) < 0)
		return -1;
	certificates_read(buf_str(&out), paths, ret);
	return 0;
}

int bootstrap_renewed(struct ssh *s, struct error **err)
{
	CLEANUP_BUF struct buf command = BUF_INIT;
	struct ssh_command c = {.deadline = clock_deadline(RESTART_MS)};

	remote_command(&command, text_renewed);
	c.command = buf_str(&command);
	return remote_run(s, "restarting its services", &c, err);
}
