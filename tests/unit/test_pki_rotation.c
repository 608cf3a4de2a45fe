#include "core/base/cancel.h"
#include "pki/authority.h"
#include "pki/leaf.h"
#include "pki/rotation.h"
#include "tests/unit/test_site.h"
#include <unistd.h>

#define P "/etc/kubernetes/pki/"

static const struct pki_options own = {0};
static const char *const signers[] = {"ca", "etcd/ca", "front-proxy-ca", "registry-ca"};
static const char *const leaves[][2] = {{P "apiserver", "ca"}, {P "etcd/peer", "etcd/ca"}, {P "front-proxy-client", "front-proxy-ca"}, {P "admin", "ca"}};

static void go(enum pki_pass to, bool sa)
{
	pki_free(pki);
	pki = NULL;
	assert_success(rotation_go(folder, &own, to, sa, &test_error));
	assert_success(pki_open(folder, &own, &pki, &test_error));
	assert_int_equal(pki_pass(pki), to);
}

/* What one control plane has in one pass. */
struct stage {
	struct fileset files;
	char *anchors[ARRAY_SIZE(signers)];
};

static void look(struct stage *s)
{
	assert_success(pki_node_files(pki, &plan, &control_plane, &s->files, &test_error));
	for (size_t i = 0; i < ARRAY_SIZE(signers); i++)
		s->anchors[i] = xstrdup(pki_ca_pem(pki, signers[i]));
}

static void stage_clear(struct stage *s)
{
	fileset_free(&s->files);
	for (size_t i = 0; i < ARRAY_SIZE(signers); i++)
		free(s->anchors[i]);
}

static bool takes(const struct stage *who, const struct stage *whom, size_t leaf)
{
	CLEANUP_X509 X509 *c = certificate(content(&whom->files, leaves[leaf][0], ".crt"));
	CLEANUP_X509S STACK_OF(X509) *anchors = NULL;
	bool is = false;
	size_t i = 0;

	while (strcmp(signers[i], leaves[leaf][1]) != 0)
		i++;
	assert_success(certificate_parse_all("anchors", who->anchors[i], strlen(who->anchors[i]), &anchors, &test_error));
	for (int k = 0; k < sk_X509_num(anchors); k++)
		is = is || verify(c, sk_X509_value(anchors, k), X509_PURPOSE_ANY) == X509_V_OK;
	return is;
}

/* A node that is a pass behind and one that is ahead take each other's certificates; who is two passes apart does not have to. */
static void test_neighbours_take_each_other(void **state UNUSED)
{
	struct stage stages[4] = {0};

	look(&stages[0]);
	for (int pass = PKI_TRUSTED; pass <= PKI_ALONE; pass++) {
		go((enum pki_pass)pass, false);
		look(&stages[pass]);
	}
	for (size_t a = 0; a < ARRAY_SIZE(stages); a++)
		for (size_t leaf = 0; leaf < ARRAY_SIZE(leaves); leaf++) {
			assert_true(takes(&stages[a], &stages[a], leaf));
			if (a > 0) {
				assert_true(takes(&stages[a], &stages[a - 1], leaf));
				assert_true(takes(&stages[a - 1], &stages[a], leaf));
			}
		}
	assert_false(takes(&stages[3], &stages[0], 0));
	assert_false(takes(&stages[0], &stages[3], 0));
	for (size_t a = 0; a < ARRAY_SIZE(stages); a++)
		stage_clear(&stages[a]);
}

static int count(const char *pem)
{
	CLEANUP_X509S STACK_OF(X509) *all = NULL;

	assert_success(certificate_parse_all("pem", pem, strlen(pem), &all, &test_error));
	return sk_X509_num(all);
}

/* Leaves are made anew in the second pass, and in no other; the controller manager always gets its signer's certificate alone, and that is of its key. */
static void test_what_each_pass_changes(void **state UNUSED)
{
	struct stage stages[4] = {0};

	look(&stages[0]);
	for (int pass = PKI_TRUSTED; pass <= PKI_ALONE; pass++) {
		struct stage *now = &stages[pass], *before = &stages[pass - 1];
		const struct file *signing;
		CLEANUP_X509 X509 *signer = NULL;

		go((enum pki_pass)pass, false);
		look(now);
		signing = fileset_find(&now->files, pki_signing_path(pki));
		assert_non_null(signing);
		assert_int_equal(count(buf_str(&signing->content)), 1);
		signer = certificate(buf_str(&signing->content));
		check_key(signer, content(&now->files, P "ca", ".key"));
		assert_int_equal(count(now->anchors[0]), pass == PKI_ALONE ? 1 : 2);
		assert_int_equal(strcmp(content(&now->files, P "apiserver", ".crt"), content(&before->files, P "apiserver", ".crt")) == 0, pass != PKI_SIGNED);
		assert_string_equal(content(&now->files, P "sa", ".key"), content(&stages[0].files, P "sa", ".key"));
	}
	for (size_t a = 0; a < ARRAY_SIZE(stages); a++)
		stage_clear(&stages[a]);
}

static void test_the_end(void **state UNUSED)
{
	CLEANUP_FREE char *before = xstrdup(pki_ca_pem(pki, "ca")), *after = NULL, *new = xasprintf("%s/new", folder), *note = xasprintf("%s/rotation", folder);
	struct stage alone = {0}, settled = {0};

	for (int pass = PKI_TRUSTED; pass <= PKI_ALONE; pass++)
		go((enum pki_pass)pass, true);
	after = xstrdup(pki_ca_pem(pki, "ca"));
	look(&alone);
	go(PKI_SETTLED, true);
	look(&settled);
	assert_string_not_equal(before, after);
	for (size_t i = 0; i < alone.files.n; i++)
		assert_string_equal(buf_str(&alone.files.files[i].content), buf_str(&fileset_find(&settled.files, alone.files.files[i].path)->content));
	assert_int_equal(alone.files.n, settled.files.n);
	assert_false(path_exists(new));
	assert_false(path_exists(note));
	stage_clear(&alone);
	stage_clear(&settled);
}

/* Tokens of both keys are believed until the last pass. */
static void test_the_key_of_tokens(void **state UNUSED)
{
	struct stage s[4] = {0};

	look(&s[0]);
	for (int pass = PKI_TRUSTED; pass <= PKI_ALONE; pass++) {
		go((enum pki_pass)pass, true);
		look(&s[pass]);
	}
	assert_string_equal(content(&s[1].files, P "sa", ".key"), content(&s[0].files, P "sa", ".key"));
	assert_string_not_equal(content(&s[2].files, P "sa", ".key"), content(&s[0].files, P "sa", ".key"));
	assert_string_equal(content(&s[1].files, P "sa", ".pub"), content(&s[2].files, P "sa", ".pub"));
	assert_non_null(strstr(content(&s[1].files, P "sa", ".pub"), content(&s[0].files, P "sa", ".pub")));
	assert_non_null(strstr(content(&s[1].files, P "sa", ".pub"), content(&s[3].files, P "sa", ".pub")));
	assert_null(strstr(content(&s[3].files, P "sa", ".pub"), content(&s[0].files, P "sa", ".pub")));
	for (size_t a = 0; a < ARRAY_SIZE(s); a++)
		stage_clear(&s[a]);
}

/* The end was cut off at any point: what counts is whole before and after. */
static void test_a_cut_off_end(void **state UNUSED)
{
	static const char *const halves[] = {"ca.key", "ca.crt", "etcd/ca.key", "site.crt"};
	CLEANUP_FREE char *after = NULL;

	for (int pass = PKI_TRUSTED; pass <= PKI_ALONE; pass++)
		go((enum pki_pass)pass, false);
	after = xstrdup(pki_ca_pem(pki, "ca"));
	for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", folder, halves[i]);

		assert_success(path_write(path, "half", 4, 0600, &test_error));
		pki_free(pki);
		assert_success(pki_open(folder, &own, &pki, &test_error));
		assert_string_equal(pki_ca_pem(pki, "ca"), after);
	}
	go(PKI_SETTLED, false);
	assert_string_equal(pki_ca_pem(pki, "ca"), after);
}

/* What was made before the first pass was noted has reached nobody, and is made once more; afterwards it stays. */
static void test_a_cut_off_beginning(void **state UNUSED)
{
	CLEANUP_FREE char *new = xasprintf("%s/new", folder), *left = xasprintf("%s/new/ca.key", folder), *path = xasprintf("%s/new/ca.crt", folder);
	CLEANUP_BUF struct buf first = BUF_INIT, second = BUF_INIT;
	CLEANUP_FREE char *before = xstrdup(pki_ca_pem(pki, "ca"));

	assert_success(path_mkdirs(new, 0700, &test_error));
	assert_success(path_write(left, "half", 4, 0600, &test_error));
	pki_free(pki);
	assert_success(pki_open(folder, &own, &pki, &test_error));
	assert_string_equal(pki_ca_pem(pki, "ca"), before);
	go(PKI_TRUSTED, false);
	assert_success(path_read(path, &first, &test_error));
	go(PKI_TRUSTED, false);
	assert_success(path_read(path, &second, &test_error));
	assert_string_equal(buf_str(&first), buf_str(&second));
}

static void test_passes_are_not_left_out(void **state UNUSED)
{
	CLEANUP_FREE char *note = xasprintf("%s/rotation", folder);
	enum pki_pass pass = PKI_SETTLED;

	assert_int_equal(rotation_go(folder, &own, PKI_SIGNED, false, &test_error), -1);
	error_clear(&test_error);
	assert_success(rotation_go(folder, &own, PKI_SETTLED, false, &test_error));
	assert_success(path_write(note, "7\n", 2, 0600, &test_error));
	assert_failure(rotation_pass(folder, &pass, &test_error), "/rotation does not say which pass");
}

static int give(void *context, struct site *ret, struct error **err)
{
	const struct test_ca *cas = context;
	CLEANUP_BUF struct buf certificate_text = BUF_INIT, key_text = BUF_INIT;
	struct site_source from = {"site.crt", "site.key", &certificate_text, &key_text, NULL};

	test_ca_write(&cas[0], &certificate_text);
	test_ca_write(&cas[1], &certificate_text);
	test_ca_write_key(&cas[0], NULL, &key_text);
	return site_parse(&from, time(NULL), ret, err);
}

/* From roots to the site's, and back. */
static void test_to_a_site_and_back(void **state UNUSED)
{
	struct test_ca cas[2] = {{0}, test_ca_make(&TEST_ROOT, NULL)};
	struct pki_options options = {.site = give, .context = cas};
	CLEANUP_FREE char *site = xasprintf("%s/site.crt", folder);

	cas[0] = test_ca_make(&TEST_MIDDLE, &cas[1]);
	for (int to_site = 1; to_site >= 0; to_site--)
		for (int pass = PKI_TRUSTED; pass <= PKI_ALONE + 1; pass++) {
			enum pki_pass to = pass > PKI_ALONE ? PKI_SETTLED : (enum pki_pass)pass;
			bool beneath = to_site ? to != PKI_TRUSTED : to == PKI_TRUSTED;

			pki_free(pki);
			assert_success(rotation_go(folder, to_site ? &options : &own, to, false, &test_error));
			assert_success(pki_open(folder, &own, &pki, &test_error));
			assert_int_equal(pki_is_beneath_site(pki), beneath);
			assert_int_equal(strcmp(pki_published_path(pki), P "ca.crt") != 0, beneath || to == PKI_TRUSTED || (to == PKI_SIGNED));
		}
	assert_false(path_exists(site));
	test_ca_clear(&cas[0]);
	test_ca_clear(&cas[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_PKI(test_neighbours_take_each_other),
		WITH_PKI(test_what_each_pass_changes),
		WITH_PKI(test_the_end),
		WITH_PKI(test_the_key_of_tokens),
		WITH_PKI(test_a_cut_off_end),
		WITH_PKI(test_a_cut_off_beginning),
		WITH_PKI(test_passes_are_not_left_out),
		WITH_PKI(test_to_a_site_and_back),
	};

	cancel_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
