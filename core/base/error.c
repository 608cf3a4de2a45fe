#include "core/base/error.h"
#include "core/base/alloc.h"
#include <errno.h>

struct error {
	enum error_kind kind;
	char *message;
};

static int set(struct error **err, enum error_kind kind, char *message)
{
	if (err == NULL) {
		free(message);
		return -1;
	}
	error_free(*err);
	*err = xnew(struct error);
	(*err)->kind = kind;
	(*err)->message = message;
	return -1;
}

int error_set(struct error **err, enum error_kind kind, const char *fmt, ...)
{
	va_list ap;
	char *message;

	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);
	return set(err, kind, message);
}

int error_errno(struct error **err, int errnum, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return set(err, ERROR_INTERNAL, xasprintf("%s: %s", text, strerror(errnum)));
}

int error_wrap(struct error **err, const char *fmt, ...)
{
	CLEANUP_FREE char *context = NULL;
	char *message;
	va_list ap;

	if (err == NULL || *err == NULL)
		return -1;
	va_start(ap, fmt);
	context = xvasprintf(fmt, ap);
	va_end(ap);
	message = xasprintf("%s: %s", context, (*err)->message);
	free((*err)->message);
	(*err)->message = message;
	return -1;
}

int error_move(struct error **err, struct error *src)
{
	if (err == NULL || src == NULL) {
		error_free(src);
		return -1;
	}
	error_free(*err);
	*err = src;
	return -1;
}

enum error_kind error_kind(const struct error *err)
{
	return err == NULL ? ERROR_INTERNAL : err->kind;
}

const char *error_message(const struct error *err)
{
	return err == NULL ? "" : err->message;
}

bool error_is(const struct error *err, enum error_kind kind)
{
	return err != NULL && err->kind == kind;
}

int error_exit_status(const struct error *err)
{
	static const unsigned char status[] = {
		[ERROR_USAGE] = 2,	[ERROR_CONFIG] = 2,    [ERROR_AUTH] = 4,      [ERROR_NOT_FOUND] = 4,
		[ERROR_CONFLICT] = 4,	[ERROR_QUOTA] = 4,     [ERROR_NETWORK] = 4,   [ERROR_TIMEOUT] = 4,
		[ERROR_REMOTE] = 4,	[ERROR_PREFLIGHT] = 3, [ERROR_NODE] = 5,      [ERROR_LOCKED] = 6,
		[ERROR_LEFTOVERS] = 7, [ERROR_CANCELLED] = 130, [ERROR_INTERNAL] = 1,
	};

	return err == NULL ? 0 : status[err->kind];
}

void error_free(struct error *err)
{
	if (err == NULL)
		return;
	free(err->message);
	free(err);
}

void error_clear(struct error **err)
{
	error_free(*err);
	*err = NULL;
}
