#include "core/base/xml.h"
#include "core/base/buf.h"
#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16, TEXT_MAX = 64 * 1024 };
#define SEPARATOR '\n' /* between namespace and name; expat refuses a namespace that has it */

struct reader {
	XML_Parser parser;
	struct buf path, text;
	size_t depth;
	const char *reason; /* why it was stopped, or NULL */
	void (*ended)(void *context, const char *path, const char *text);
	void *context;
};

static void stop(struct reader *r, const char *reason)
{
	r->reason = reason;
	XML_StopParser(r->parser, XML_FALSE);
}

static void begin_element(void *data, const XML_Char *name, const XML_Char **attributes UNUSED)
{
	struct reader *r = data;
	const char *local = strrchr(name, SEPARATOR);

	if (r->depth++ == DEPTH_MAX) {
		stop(r, "more elements in one another than 16");
		return;
	}
	if (r->path.len > 0)
		buf_add_char(&r->path, '/');
	buf_add(&r->path, local != NULL ? local + 1 : name);
	buf_truncate(&r->text, 0);
}

static void end_element(void *data, const XML_Char *name UNUSED)
{
	struct reader *r = data;
	const char *slash;

	if (r->reason != NULL) /* expat still ends an element that it began in the same piece: <a/> */
		return;
	r->ended(r->context, buf_str(&r->path), buf_str(&r->text));
	slash = strrchr(buf_str(&r->path), '/');
	buf_truncate(&r->path, slash != NULL ? (size_t)(slash - r->path.data) : 0);
	buf_truncate(&r->text, 0);
	r->depth--;
}

static void add_text(void *data, const XML_Char *s, int len)
{
	struct reader *r = data;

	if (r->text.len + (size_t)len > TEXT_MAX)
		stop(r, "more than 64 KiB of text in an element");
	else
		buf_add_mem(&r->text, s, (size_t)len);
}

static void refuse_type(void *data, const XML_Char *name UNUSED, const XML_Char *system UNUSED, const XML_Char *public UNUSED, int internal UNUSED)
{
	stop(data, "a document type, which is not read");
}

static int fail(const struct reader *r, struct error **err)
{
	return error_set(err, ERROR_REMOTE, "line %lu, column %lu: %s", XML_GetCurrentLineNumber(r->parser), XML_GetCurrentColumnNumber(r->parser) + 1,
			 r->reason != NULL ? r->reason : XML_ErrorString(XML_GetErrorCode(r->parser)));
}

int xml_read(const char *text, size_t len, void (*ended)(void *context, const char *path, const char *text), void *context, struct error **err)
{
	struct reader r = {.parser = XML_ParserCreateNS(NULL, SEPARATOR), .ended = ended, .context = context};
	int result;

	if (r.parser == NULL)
		abort();
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, begin_element, end_element);
	XML_SetCharacterDataHandler(r.parser, add_text);
	XML_SetStartDoctypeDeclHandler(r.parser, refuse_type);
	if (len > INT_MAX)
		r.reason = "more than 2 GiB";
	result = r.reason == NULL && XML_Parse(r.parser, text, (int)len, XML_TRUE) == XML_STATUS_OK ? 0 : fail(&r, err);
	XML_ParserFree(r.parser);
	buf_free(&r.path);
	buf_free(&r.text);
	return result;
}
