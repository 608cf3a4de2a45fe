/* The recovery file: what it takes out of a state, and what it lets into another one. */
#include "core/base/alloc.h"
#include "core/base/path.h"
#include "core/cluster/recovery.h"
#include "core/cluster/spec.h"
#include "tests/unit/test.h"
#include <sys/stat.h>
#include <unistd.h>

#define UUID "1a2b3c4d-0000-4000-8000-000000000000"

struct fixture {
	char *from, *to;
};

static int begin(void **state)
{
	struct fixture *f = xnew(struct fixture);
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	f->from = xasprintf("%s/davit-recovery-from-%d", base, (int)getpid());
	f->to = xasprintf("%s/davit-recovery-to-%d", base, (int)getpid());
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	assert_success(path_remove_tree(f->from, &test_error));
	assert_success(path_remove_tree(f->to, &test_error));
	free(f->from);
	free(f->to);
	free(f);
	return 0;
}

static void put(struct state *s, const char *folder, const char *name, const char *text)
{
	CLEANUP_FREE char *base = state_path(s, folder), *path = xasprintf("%s/%s", base, name);

	assert_success(path_mkdirs(base, 0700, &test_error));
	assert_success(path_write(path, text, strlen(text), 0600, &test_error));
}

static void put_node(struct state *s, const char *name, const char *server, const char *key)
{
	struct node n = {.name = (char *)name,
			 .role = NODE_WORKER,
			 .pool = (char *)"w",
			 .address = (char *)"10.6.0.20",
			 .server_id = (char *)server,
			 .host_key = (char *)key};

	assert_success(state_put_node(s, &n, &test_error));
}

static void assert_file(struct state *s, const char *name, const char *wanted, mode_t mode)
{
	CLEANUP_FREE char *path = state_path(s, name);
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct stat st = {0};

	assert_success(path_read(path, &text, &test_error));
	assert_string_equal(buf_str(&text), wanted);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

static void assert_value(struct state *s, const char *key, const char *wanted)
{
	CLEANUP_FREE char *value = state_get(s, key);

	assert_non_null(value);
	assert_string_equal(value, wanted);
}

static void write_one(const struct fixture *f, struct buf *ret)
{
	CLEANUP_STATE struct state *s = NULL;

	assert_success(state_create(f->from, "demo", UUID, &s, &test_error));
	assert_success(state_set(s, "registry-password", "pass\"word", &test_error));
	assert_success(state_set(s, "applied:demo-w-1", "d1", &test_error));
	assert_success(state_set(s, "applied:demo-w-2", "d2", &test_error));
	assert_success(state_set(s, "complete", "0", &test_error));
	assert_success(state_set(s, STATE_UNLOCK_KEYS, "SWMKEY-1-a", &test_error)); /* the file lies beside what it locks */
	put(s, "pki", "ca.crt", "certificate\n");
	put(s, "pki/nodes/demo-w-1", "kubelet.pem", "both\n");
	put(s, "ssh", "id_ed25519", "key\n");
	put(s, ".", "kubeconfig", "not in it");
	put_node(s, "demo-w-1", "s1", "ssh-ed25519 AAAA");
	put_node(s, "demo-w-2", "s2", "ssh-ed25519 BBBB");
	assert_success(recovery_write(s, ret, &test_error));
}

static char *host_key(struct inventory *i, const char *name)
{
	struct node n = {0};
	char *key;

	assert_true(inventory_get(i, name, &n));
	key = xstrdup(n.host_key);
	node_clear(&n);
	return key;
}

static void test_there_and_back(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_wipe) struct buf text = BUF_INIT;
	CLEANUP_STATE struct state *s = NULL;
	struct inventory *nodes = inventory_new();
	CLEANUP_FREE char *same = NULL, *other = NULL, *left_out = NULL;

	write_one(f, &text);
	assert_success(state_create(f->to, "demo", UUID, &s, &test_error));
	assert_success(state_set(s, "keys", "lost", &test_error));
	put_node(s, "demo-w-1", "s1", NULL);
	put_node(s, "demo-w-2", "made again", NULL);
	assert_success(state_nodes(s, nodes, &test_error));
	assert_null(strstr(buf_str(&text), "SWMKEY"));
	assert_success(recovery_read(buf_str(&text), text.len, s, nodes, &test_error));
	assert_value(s, "registry-password", "pass\"word");
	assert_value(s, "complete", "1");
	assert_value(s, "keys", "lost");
	assert_value(s, "applied:demo-w-1", "d1");
	assert_value(s, "applied:demo-w-2", ""); /* another server: nothing is on it, and its key is not known */
	same = host_key(nodes, "demo-w-1");
	assert_string_equal(same, "ssh-ed25519 AAAA");
	other = host_key(nodes, "demo-w-2");
	assert_null(other);
	assert_file(s, "pki/ca.crt", "certificate\n", 0644);
	assert_file(s, "pki/nodes/demo-w-1/kubelet.pem", "both\n", 0600);
	assert_file(s, "ssh/id_ed25519", "key\n", 0600);
	left_out = state_path(s, "kubeconfig");
	assert_false(path_exists(left_out));
	inventory_free(nodes);
}

static void refuse(const char *text, const char *why)
{
	struct json_object *document = NULL;

	assert_failure(recovery_parse(text, strlen(text), "demo", UUID, &document, &test_error), why);
	assert_null(document);
}

#define HEAD "{\"davit\":\"recovery/1\",\"cluster\":\"demo\",\"uuid\":\"" UUID "\","
#define FILE_OF(name) HEAD "\"values\":{},\"nodes\":[],\"files\":{\"" name "\":\"x\"}}"

static void test_refuses_what_no_state_holds(void **state UNUSED)
{
	static const char *const names[] = {FILE_OF("/etc/passwd"), FILE_OF("pki/../../x"), FILE_OF("pki"), FILE_OF("state.db"),
					    FILE_OF("pki/.hidden"), FILE_OF("ssh//x"),	   FILE_OF("pki/a/b/c/d"), FILE_OF("other/x"),
					    FILE_OF("pki/a b"),	    FILE_OF("")};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		refuse(names[i], "which is none of a state's");
	refuse("{}", "is of version \"\"");
	refuse("{\"davit\":\"recovery/1\",\"cluster\":\"other\",\"uuid\":\"" UUID "\"}", "is of cluster other");
	refuse("{\"davit\":\"recovery/1\",\"cluster\":\"demo\",\"uuid\":\"2\"}", "not of demo, " UUID);
	refuse(HEAD "\"values\":{},\"files\":{}}", "holds no list \"nodes\"");
	refuse(HEAD "\"nodes\":[],\"files\":{}}", "holds no map \"values\"");
	refuse(HEAD "\"nodes\":[],\"values\":{\"a\":1},\"files\":{}}", "values.a is no text");
	refuse(HEAD "\"nodes\":[],\"values\":{\"a\":\"x\\u0000y\"},\"files\":{}}", "values.a is no text");
	refuse("{\"davit\":", "the recovery file");
}

static void test_a_state_is_made_once(void **state)
{
	struct fixture *f = *state;
	CLEANUP_STATE struct state *s = NULL, *again = NULL;

	assert_failure(state_open(f->to, "demo", STATE_EXISTING, &s, &test_error), "there is no cluster demo here");
	assert_success(state_create(f->to, "demo", UUID, &s, &test_error));
	assert_string_equal(state_uuid(s), UUID);
	state_close(steal_ptr(s));
	assert_failure(state_create(f->to, "demo", UUID, &s, &test_error), "has a state already");
	assert_success(state_open(f->to, "demo", STATE_EXISTING, &s, &test_error));
	assert_failure(state_open(f->to, "demo", STATE_EXISTING, &again, &test_error), "another davit");
}

static void test_authorized_keys(void **state)
{
	struct fixture *f = *state;
	static const char key[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1yWbdmvLp1RUMTRt3Vy0p1uH1Qh2yyZ0hZ0g8sR3Nn";
	CLEANUP_FREE char *path = xasprintf("%s/c.yaml", f->to), *file = xasprintf("%s/me.pub", f->to);
	CLEANUP_FREE char *lines = xasprintf("%s me@home\n\n%s me@home\n", key, key);
	struct spec spec = {.path = path};
	CLEANUP_STRV struct strv found = STRV_INIT;

	assert_success(path_mkdirs(f->to, 0700, &test_error));
	assert_success(path_write(file, lines, strlen(lines), 0644, &test_error));
	strv_addf(&spec.access.authorized_keys, "%s you", key);
	strv_add(&spec.access.authorized_keys, "me.pub");
	assert_success(spec_authorized_keys(&spec, &found, &test_error));
	assert_int_equal(found.n, 2);
	assert_non_null(strstr(found.v[0], " you"));
	assert_non_null(strstr(found.v[1], " me@home"));
	strv_add(&spec.access.authorized_keys, "nowhere.pub");
	assert_failure(spec_authorized_keys(&spec, &found, &test_error), "access.authorizedKeys");
	strv_free(&spec.access.authorized_keys);
	strv_add(&spec.access.authorized_keys, "ssh-ed25519 nonsense");
	assert_failure(spec_authorized_keys(&spec, &found, &test_error), "access.authorizedKeys");
	strv_free(&spec.access.authorized_keys);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, begin, end),
		cmocka_unit_test(test_refuses_what_no_state_holds),
		cmocka_unit_test_setup_teardown(test_a_state_is_made_once, begin, end),
		cmocka_unit_test_setup_teardown(test_authorized_keys, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
