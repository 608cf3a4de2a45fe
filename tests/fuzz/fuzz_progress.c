#include "bootstrap/progress.h"
#include <assert.h>
#include <string.h>

static int on_line(const char *line, void *context, struct error **err UNUSED)
{
	struct progress p = {0};

	(void)context;
	progress_parse(line, &p);
	assert(strlen(line) <= PROGRESS_LINE_MAX);
	assert(strlen(p.step) < PROGRESS_STEP_MAX);
	assert(p.text != NULL && p.status >= 0 && p.status <= 999);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct progress_lines lines = {.line = on_line};
	size_t half = size / 2;

	if (progress_feed(&lines, data, half, NULL) < 0 || progress_feed(&lines, data + half, size - half, NULL) < 0)
		return -1;
	return 0;
}
