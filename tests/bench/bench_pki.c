/*
 * Certificates for many nodes, as apply makes them (pki_node_files(): keys, certificates, PEM, files), beside what OpenSSL itself takes on all cores for as many
 * keys and signatures (`openssl speed` of the same curve, in the same run).  bench_pki [NODES]
 */
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/clock.h"
#include "core/base/parallel.h"
#include "core/base/path.h"
#include "pki/key.h"
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
	struct node *nodes;
	size_t leaves; /* of a node */
};

static int make_files(size_t i, void *context, struct error **err)
{
	const struct bench *b = context;
	CLEANUP_FILESET struct fileset files = FILESET_INIT;

	return pki_node_files(b->pki, &plan, &b->nodes[i], &files, err);
}

/* What no program can do without: a key and a signature for each certificate. */
static int make_bare(size_t i UNUSED, void *context, struct error **err)
{
	const struct bench *b = context;
	static const unsigned char digest[32];
	unsigned char signature[128];

	for (size_t k = 0; k < b->leaves; k++) {
		CLEANUP_PKEY EVP_PKEY *key = NULL;
		EVP_PKEY_CTX *c;
		size_t n = sizeof(signature);
		bool ok;

		if (key_make(KEY_ECDSA_P256, &key, err) < 0)
			return -1;
		c = EVP_PKEY_CTX_new(key, NULL);
		ok = EVP_PKEY_sign_init(c) == 1 && EVP_PKEY_sign(c, signature, &n, digest, sizeof(digest)) == 1;
		EVP_PKEY_CTX_free(c);
		if (!ok)
			return crypto_error(err, ERROR_INTERNAL, "signing");
	}
	return 0;
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
	double bare = 0, made = 0, again = 0;

	if (timed("OpenSSL alone: a key and a signature each", n, cores, make_bare, b, &bare, err) < 0 ||
	    timed("certificates of nodes, in memory and in the state", n, cores, make_files, b, &made, err) < 0 ||
	    timed("the same, read and compared again", n, cores, make_files, b, &again, err) < 0)
		return -1;
	printf("%zu certificates of %zu workers on %u cores: %.0f %% of what OpenSSL alone does\n", n * b->leaves, n, cores, 100 * bare / made);
	return 0;
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
	char folder[] = "/tmp/bench-pki-XXXXXX";
	int r;

	cancel_init();
	if (n == 0 || mkdtemp(folder) == NULL)
		return 1;
	make_nodes(&b, n);
	r = pki_open(folder, &(struct pki_options){0}, &b.pki, &error) < 0 ? -1 : run(&b, n, &error);
	pki_free(b.pki);
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
