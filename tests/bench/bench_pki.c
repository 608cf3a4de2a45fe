/*
 * Certificates for many nodes: keys, certificates and their PEM in memory, and all that apply does (pki_node_files(): those, kubeconfigs, and the files of
 * the state, below $TMPDIR), beside what OpenSSL itself takes on all cores for as many keys and signatures in the same run.  bench_pki [NODES]
 */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "pki/key.h"
#include "pki/leaf.h"
#include "pki/pki.h"
#include "pki/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define S(text) ((char *)(uintptr_t)(text))

static struct spec spec = {.name = S("bench"), .network = {.domain = S("cluster.local"), .plugin = S("flannel")}};
static struct plan plan = {.spec = &spec, .api_service_ip = S("10.96.0.1"), .api_address = S("10.6.0.10"), .registry_address = S("10.6.0.4")};

struct bench {
	struct pki *pki;
	struct authority ca;
	struct node *nodes;
	size_t leaves; /* of a node */
};

static int make_files(size_t i, void *context, struct error **err)
{
	const struct bench *b = context;
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	return pki_node_files(b->pki, &plan, &b->nodes[i], &files, err);
}

static int make_pairs(size_t i, void *context, struct error **err)
{
	const struct bench *b = context;
	CLEANUP_STRV struct strv sans = STRV_INIT;
	struct certificate_want want = {.cn = b->nodes[i].name, .o = "system:nodes", .usage = CERTIFICATE_SERVER, .sans = &sans};

	strv_add(&sans, b->nodes[i].name);
	strv_add(&sans, b->nodes[i].address);
	for (size_t k = 0; k < b->leaves; k++) {
		CLEANUP_LEAF struct leaf leaf = {0};

		if (leaf_make(&b->ca, want, clock_wall_ms() / 1000, LEAF_DAYS, &leaf, err) < 0)
			return -1;
	}
	return 0;
}

/* What no program can do without: a key for each certificate, and a signature by the authority, as `openssl speed` makes them. */
static int make_bare(size_t i UNUSED, void *context, struct error **err)
{
	const struct bench *b = context;
	static const unsigned char digest[32];
	unsigned char signature[128];
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(b->ca.key, NULL);
	bool ok = EVP_PKEY_sign_init(c) == 1;

	for (size_t k = 0; ok && k < b->leaves; k++) {
		CLEANUP_PKEY EVP_PKEY *key = NULL;
		size_t n = sizeof(signature);

		ok = key_make(KEY_ECDSA_P256, &key, err) == 0 && EVP_PKEY_sign(c, signature, &n, digest, sizeof(digest)) == 1;
	}
	EVP_PKEY_CTX_free(c);
	return ok ? 0 : crypto_error(err, ERROR_INTERNAL, "signing");
}

static double cpu_seconds(void)
{
	struct rusage u = {0};

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* *ret: seconds of processor time, which others on the machine do not change; wall time is for people. */
static int timed(const char *what, size_t n, unsigned width, int (*job)(size_t, void *, struct error **), struct bench *b, double *ret, struct error **err)
{
	int64_t begin = clock_ms();
	double cpu = cpu_seconds();

	if (parallel_for(n, width, job, b, NULL, err) < 0)
		return -1;
	*ret = cpu_seconds() - cpu;
	printf("%-52s %8.2f s of processor time, %8.2f s, %8.0f a processor-second\n", what, *ret, (double)(clock_ms() - begin) / 1000,
	       (double)(n * b->leaves) / *ret);
	return 0;
}

static size_t count_leaves(const struct node *node)
{
	size_t n = 0, i = 0;

	while (table_leaf(&plan, node, &i) != NULL)
		n++;
	return n;
}

static int run(struct bench *b, size_t n, struct error **err)
{
	unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	double bare = 0, pairs = 0, files = 0, again = 0;

	if (timed("OpenSSL alone: a key and a signature each", n, cores, make_bare, b, &bare, err) < 0 ||
	    timed("keys and certificates as PEM, in memory", n, cores, make_pairs, b, &pairs, err) < 0 ||
	    timed("all that nodes get, and the state's files", n, cores, make_files, b, &files, err) < 0 ||
	    timed("the same, read and compared again", n, cores, make_files, b, &again, err) < 0)
		return -1;
	printf("%zu certificates of %zu workers on %u cores: in memory %.0f %%, with all files %.0f %% of what OpenSSL alone does\n", n * b->leaves, n, cores,
	       100 * bare / pairs, 100 * bare / files);
	return 0;
}

static int open_pki(struct bench *b, const char *folder, struct error **err)
{
	return authority_open(folder, "bench", "bench", &(struct authority_making){0}, clock_wall_ms() / 1000, &b->ca, err) < 0 ||
			       pki_open(folder, &(struct pki_options){0}, &b->pki, err) < 0
		       ? -1
		       : 0;
}

static void make_nodes(struct bench *b, size_t n)
{
	b->nodes = xnew_n(struct node, n);
	for (size_t i = 0; i < n; i++)
		b->nodes[i] = (struct node){.name = xasprintf("bench-w-%zu", i), .role = NODE_WORKER, .address = xasprintf("10.6.%zu.%zu", i / 250, i % 250 + 1)};
	b->leaves = count_leaves(&b->nodes[0]);
}

int main(int argc, char **argv)
{
	size_t n = (size_t)(argc > 1 ? atoi(argv[1]) : 1000);
	CLEANUP_ERROR struct error *error = NULL;
	struct bench b = {0};
	const char *tmp = getenv("TMPDIR");
	CLEANUP_FREE char *folder = xasprintf("%s/bench-pki-XXXXXX", tmp != NULL ? tmp : "/tmp");
	int r;

	cancel_init();
	if (n == 0 || mkdtemp(folder) == NULL)
		return 1;
	make_nodes(&b, n);
	r = open_pki(&b, folder, &error) < 0 ? -1 : run(&b, n, &error);
	pki_free(b.pki);
	authority_clear(&b.ca);
	(void)!path_remove_tree(folder, NULL);
	for (size_t i = 0; i < n; i++) {
		free(b.nodes[i].name);
		free(b.nodes[i].address);
	}
	free(b.nodes);
	if (r < 0)
		fprintf(stderr, "bench_pki: %s\n", error_message(error));
	return r < 0;
}
