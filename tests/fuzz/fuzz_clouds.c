/* clouds.yaml, secure.yaml and clouds-public.yaml, with a NUL byte between them: every cloud is chosen and its login made. */
#include "core/base/alloc.h"
#include "provision/auth.h"
#include "provision/clouds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct yaml *next_file(const char **at, const char *end, const char *name)
{
	size_t n = (size_t)(end - *at);
	const char *nul = n > 0 ? memchr(*at, 0, n) : NULL;
	struct yaml *y = NULL;

	if (nul != NULL)
		n = (size_t)(nul - *at);
	if (n == 0 || yaml_parse(name, *at, n, &y, NULL) < 0)
		y = NULL;
	*at += nul != NULL ? n + 1 : n;
	return y;
}

static void choose(const struct cloud_files *files, const char *name)
{
	CLEANUP_CLOUD_CONFIG struct cloud_config *c = NULL;
	CLEANUP_ERROR struct error *err = NULL;
	CLEANUP_BUF struct buf body = BUF_INIT;
	CLEANUP_FREE char *url = NULL;
	char *const environment[] = {NULL};

	if (cloud_config_choose(files, environment, name, &c, &err) < 0)
		return;
	auth_body(c, &body);
	url = auth_url_v3(c->auth_url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xmemdup(data, size); /* of its size, so that reading past it is seen */
	const char *at = text, *end = text + size;
	CLEANUP(cloud_files_free) struct cloud_files files = {0};
	const struct yaml_node *clouds;

	files.clouds = next_file(&at, end, "clouds.yaml");
	files.secure = next_file(&at, end, "secure.yaml");
	files.vendor = next_file(&at, end, "clouds-public.yaml");
	strv_add(&files.searched, "clouds.yaml");
	choose(&files, NULL);
	choose(&files, "lab");
	clouds = files.clouds != NULL ? yaml_get(files.clouds->root, "clouds") : NULL;
	for (size_t i = 0; clouds != NULL && clouds->type == YAML_MAP && i < clouds->n && i < 8; i++)
		choose(&files, clouds->keys[i]);
	return 0;
}
