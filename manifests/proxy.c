#include "manifests/proxy.h"
#include "core/base/alloc.h"
#include "core/cluster/plan.h"

#define PATH "/etc/davit/proxy.env"

/* What is near is reached without: this node, the metadata service, the cluster. */
static char *no_proxy(const struct spec *spec)
{
	CLEANUP_STRV struct strv l = STRV_INIT;
	bool pods = spec->platform != PLATFORM_SWARM;
	const char *const near[] = {"localhost",
				    "127.0.0.1",
				    "169.254.169.254",
				    spec->network.cidr,
				    pods ? spec->network.pod_cidr : NULL,
				    pods ? spec->network.service_cidr : NULL,
				    REGISTRY_NAME,
				    pods ? ".svc" : NULL};

	for (size_t i = 0; i < ARRAY_SIZE(near); i++)
		if (near[i] != NULL)
			strv_add(&l, near[i]);
	if (pods)
		strv_addf(&l, ".%s", spec->network.domain);
	strv_copy(&l, &spec->proxy.no);
	return strv_join(&l, ",");
}

/* Both ways of writing them: programs differ. */
static void add(struct buf *text, const char *upper, const char *lower, const char *value)
{
	if (value != NULL)
		buf_addf(text, "%s=\"%s\"\n%s=\"%s\"\n", upper, value, lower, value);
}

static bool has_password(const char *url)
{
	return url != NULL && strchr(url, '@') != NULL;
}

void proxy_file(const struct spec *spec, struct fileset *ret)
{
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_FREE char *no = NULL;

	if (spec->proxy.http == NULL && spec->proxy.https == NULL)
		return;
	no = no_proxy(spec);
	add(&text, "HTTP_PROXY", "http_proxy", spec->proxy.http);
	add(&text, "HTTPS_PROXY", "https_proxy", spec->proxy.https);
	add(&text, "NO_PROXY", "no_proxy", no);
	if (has_password(spec->proxy.http) || has_password(spec->proxy.https))
		fileset_add_secret(ret, PATH, 0600, buf_str(&text));
	else
		fileset_add(ret, PATH, 0644, buf_str(&text));
}
