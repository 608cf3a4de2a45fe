#include "cmd/verbs.h"
#include "cmd/work.h"
#include "core/base/alloc.h"
#include "core/base/digest.h"
#include <stdio.h>

static void print_file(const struct file *f, bool secrets)
{
	char hex[DIGEST_HEX_LEN + 1];

	printf("==> %s (%04o)%s%s\n", f->path, f->mode, f->link != NULL ? " -> " : "", f->link != NULL ? f->link : "");
	if (f->source != NULL) {
		printf("(the blob %s)\n", strrchr(f->source, '/') != NULL ? strrchr(f->source, '/') + 1 : f->source);
	} else if (f->secret && !secrets) {
		digest_hex(buf_str(&f->content), f->content.len, hex);
		printf("(secret, %zu bytes, sha256:%s)\n", f->content.len, hex);
	} else {
		fwrite(buf_str(&f->content), 1, f->content.len, stdout);
	}
	if (f->content.len > 0 && f->content.data[f->content.len - 1] != '\n')
		printf("\n");
}

int verb_render(const struct options *o, struct error **err)
{
	CLEANUP_CONTEXT struct context c = {0};
	CLEANUP_WORK struct work w = {0};
	CLEANUP_FILESET struct fileset files = FILESET_INIT;
	CLEANUP_STRV struct strv units = STRV_INIT;
	CLEANUP_FREE char *name = NULL;
	struct bootstrap_run run = {0};
	struct node n = {0};
	int r;

	if (context_open(o, CONTEXT_WRITE, &c, err) < 0)
		return -1;
	for (size_t i = 0; i < c.plan->n_nodes; i++)
		if (!inventory_get(c.inventory, c.plan->nodes[i].node.name, &n))
			inventory_put(c.inventory, &c.plan->nodes[i].node);
		else
			node_clear(&n);
	if (context_node_name(&c, o->args.v[0], &name, err) < 0 || work_open(&c, NULL, &w, err) < 0 ||
	    context_bundle(&c, NULL, &w.artifacts, &w.bundle_folder, err) < 0 || !inventory_get(c.inventory, name, &n))
		return -1;
	if (n.role == NODE_BASTION) {
		node_clear(&n);
		return error_set(err, ERROR_USAGE, "%s gets no files: nothing is installed on a bastion", name);
	}
	r = work_render(&w, &n, &files, &units, &run, err);
	node_clear(&n);
	fileset_sort(&files);
	for (size_t i = 0; r == 0 && i < files.n; i++)
		print_file(&files.files[i], o->secrets);
	return r;
}
