/*
 * Certificates for many nodes: keys, certificates and their PEM in memory, and all that apply does (pki_node_files(): those, kubeconfigs, and the files of
 * the state, below $TMPDIR), beside what OpenSSL itself takes on all cores for as many keys and signatures in the same run.  bench_pki [NODES]
 *
 * OpenSSL makes a key without the coordinates of its public half, and computes these each time that somebody asks.  Nobody can do anything with a key
 * pair of which he never sees the public half: it is asked for once a key.  The second figure is beside keys and signatures alone.
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
#include <openssl/core_names.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define S(text) ((char *)(uintptr_t)(text))

enum { ROUNDS = 50 }; /* of which the best counts: whatever else the machine does makes none faster */

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

/* The public half, as it is in certificates. */
static bool ask_point(EVP_PKEY *key)
{
	unsigned char point[65];
	size_t n = 0;

	return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n) == 1;
}

static int make_by_openssl(const struct bench *b, bool points, struct error **err)
{
	static const unsigned char digest[32];
	unsigned char signature[128];
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(b->ca.key, NULL);
	bool ok = EVP_PKEY_sign_init(c) == 1;

	for (size_t k = 0; ok && k < b->leaves; k++) {
		CLEANUP_PKEY EVP_PKEY *key = NULL;
		size_t n = sizeof(signature);

		ok = key_make(KEY_ECDSA_P256, &key, err) == 0 && (!points || ask_point(key)) && EVP_PKEY_sign(c, signature, &n, digest, sizeof(digest)) == 1;
	}
	EVP_PKEY_CTX_free(c);
	return ok ? 0 : crypto_error(err, ERROR_INTERNAL, "signing");
}

/* What no program can do without: a key for each certificate, and a signature by the authority, as `openssl speed` makes them. */
static int make_bare(size_t i UNUSED, void *context, struct error **err)
{
	return make_by_openssl(context, false, err);
}

static int make_points(size_t i UNUSED, void *context, struct error **err)
{
	return make_by_openssl(context, true, err);
}

/* Processor time, which others on the machine change less than they do time. */
static double cpu_seconds(void)
{
	struct rusage u = {0};

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

typedef int bench_job(size_t i, void *context, struct error **err);

struct timing {
	const char *what;
	bench_job *job;
	double best; /* of all rounds: seconds of processor time for a certificate */
};

static int measure(struct timing *t, size_t n, struct bench *b, struct error **err)
{
	double begin = cpu_seconds(), each;

	if (parallel_for(n, (unsigned)sysconf(_SC_NPROCESSORS_ONLN), t->job, b, NULL, err) < 0)
		return -1;
	each = (cpu_seconds() - begin) / (double)(n * b->leaves);
	if (t->best == 0 || each < t->best)
		t->best = each;
	return 0;
}

static void show(const struct timing *t)
{
	printf("%-45s %8.1f us of processor time each\n", t->what, t->best * 1e6);
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
	struct timing bare = {"OpenSSL alone: a key and a signature", make_bare, 0}, points = {"the same, and the key's public half", make_points, 0};
	struct timing pairs = {"key and certificate as PEM, in memory", make_pairs, 0};
	struct timing files = {"all that nodes get, and the state's files", make_files, 0}, again = {"the same, read and compared again", make_files, 0};
	struct timing *in_turn[] = {&bare, &points, &pairs}, *once[] = {&files, &again};

	for (size_t i = 0; i < ROUNDS * ARRAY_SIZE(in_turn); i++)
		if (measure(in_turn[i % ARRAY_SIZE(in_turn)], n / ROUNDS + 1, b, err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(once); i++)
		if (measure(once[i], n, b, err) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(in_turn); i++)
		show(in_turn[i]);
	for (size_t i = 0; i < ARRAY_SIZE(once); i++)
		show(once[i]);
	printf("%zu certificates of %zu workers: in memory %.0f %% of what OpenSSL alone does (%.0f %% without public halves), with all files %.0f %% (%.0f %%)\n",
	       n * b->leaves, n, 100 * points.best / pairs.best, 100 * bare.best / pairs.best, 100 * points.best / files.best, 100 * bare.best / files.best);
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
