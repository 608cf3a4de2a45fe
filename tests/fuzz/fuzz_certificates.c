/* What a node says of its certificates: any bytes; they are described, or are none, and no other file appears. */
#include "bootstrap/certificates.h"
#include "core/base/alloc.h"
#include "pki/survey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);
	CLEANUP_STRV struct strv paths = STRV_INIT;
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	struct survey_item items[] = {{.kind = SURVEY_LEAF, .node = xstrdup("n"), .path = xstrdup("/a.crt")},
				      {.kind = SURVEY_KUBELET, .node = xstrdup("n"), .path = xstrdup("/b.pem")}};
	struct survey s = {.items = xmemdup(items, sizeof(items)), .n = ARRAY_SIZE(items), .cap = ARRAY_SIZE(items)};

	survey_paths(&s, "n", &paths);
	certificates_read(text, &paths, &files);
	if (files.n > paths.n)
		abort();
	survey_take(&s, "n", &files);
	for (size_t i = 0; i < s.n; i++) {
		const struct certificate_facts *f = survey_facts(&s.items[i]);

		if ((fileset_find(&files, s.items[i].path) == NULL) != (s.items[i].standing == SURVEY_MISSING))
			abort();
		for (size_t k = 0; f != NULL && k < f->sans.n; k++)
			check_text(f->sans.v[k]);
		if (f != NULL) {
			check_text(f->subject);
			check_text(f->issuer);
		}
	}
	survey_free(&s);
	return 0;
}
