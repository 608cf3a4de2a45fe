/* make_node CLUSTER.yaml NODE FOLDER: every file that the node would get, at its path below FOLDER, with certificates of new authorities. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "manifests/manifests.h"
#include "pki/pki.h"
#include <stdio.h>
#include <sys/stat.h>

static int put(const char *folder, const struct file *f, struct error **err)
{
	CLEANUP_FREE char *path = xasprintf("%s%s", folder, f->path), *parent = xstrdup(path);

	*strrchr(parent, '/') = '\0';
	if (path_mkdirs(parent, 0755, err) < 0)
		return -1;
	return path_write(path, f->content.data, f->content.len, f->mode, err);
}

static int render(const struct plan *plan, const struct node *node, const char *folder, struct fileset *files, struct error **err)
{
	CLEANUP_FREE char *authorities = xasprintf("%s/authorities", folder);
	CLEANUP_STRV struct strv units = STRV_INIT;
	CLEANUP_PKI struct pki *pki = NULL;
	struct artifacts bundle = {0};
	struct manifest_values values = {.registry_password = "0123456789abcdef",
					 .encryption_key = "ZW5jcnlwdGlvbiBrZXkgb2YgdGVzdHMsIDMyIGJ5dGU=",
					 .etcd_token = "7d1b6b0e-7a9c-4a43-9d2c-3b2f4a7f1c55",
					 .artifacts = &bundle};
	int r = -1;

	strv_split(&bundle.images, "pause:3.10.2 coredns/coredns:v1.14.7 metrics-server/metrics-server:v0.9.0 library/haproxy:3.2", " ");
	if (pki_open(authorities, &(struct pki_options){.algorithm = KEY_ECDSA_P256, .platform = plan->spec->platform}, &pki, err) == 0 && pki_node_files(pki, plan, node, files, err) == 0) {
		values.registry_ca = pki_ca_pem(pki, "registry-ca");
		values.mke_ca = pki_ca_pem(pki, "mke-ca");
		r = manifests_node(plan, node, &values, files, &units, err);
	}
	strv_free(&bundle.images);
	return r;
}

static int make(const char *cluster, const char *name, const char *folder, struct error **err)
{
	CLEANUP_SPEC struct spec *spec = NULL;
	CLEANUP_PLAN struct plan *plan = NULL;
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	if (spec_load(cluster, &spec, err) < 0 || plan_make(spec, NULL, &plan, err) < 0)
		return -1;
	if (plan_find(plan, name) == NULL)
		return error_set(err, ERROR_USAGE, "%s has no node %s", cluster, name);
	if (render(plan, &plan_find(plan, name)->node, folder, &files, err) < 0)
		return -1;
	for (size_t i = 0; i < files.n; i++)
		if (put(folder, &files.files[i], err) < 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	CLEANUP_ERROR struct error *err = NULL;

	umask(022);
	if (argc == 4 && make(argv[1], argv[2], argv[3], &err) == 0)
		return 0;
	fprintf(stderr, "make_node: %s\n", argc == 4 ? error_message(err) : "CLUSTER.yaml NODE FOLDER");
	return 1;
}
