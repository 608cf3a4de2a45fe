/* What etcdctl and etcdutl of 3.6.16 print, and what is made of it. */
#include "bootstrap/etcd.h"
#include "core/base/alloc.h"
#include "tests/unit/test.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define S(text) ((char *)(uintptr_t)(text))

/* ---- the line before a snapshot */

static void test_snapshot_line(void **state UNUSED)
{
	struct etcd_snapshot s = {0};

	assert_success(etcd_read_snapshot(
		"20512 " SHA " 3.6.16 all {\"hash\":4043526893,\"revision\":2,\"totalKey\":1,\"totalSize\":20480,\"version\":\"3.6.0\"}", &s, &test_error));
	assert_int_equal(s.size, 20512);
	assert_int_equal(s.revision, 2);
	assert_int_equal(s.keys, 1);
	assert_string_equal(s.sha256, SHA);
	assert_string_equal(s.version, "3.6.16");
	assert_string_equal(s.storage, "3.6.0");
	assert_false(s.alone);
	assert_success(etcd_read_snapshot("8589934592 " SHA " 3.5.21 alone {\"hash\":1,\"revision\":2,\"totalKey\":1}", &s, &test_error));
	assert_int_equal(s.size, INT64_C(8589934592));
	assert_true(s.alone);
	assert_string_equal(s.storage, "3.5.21"); /* it does not say; it is at most that */
}

static void test_snapshot_lines_that_are_none(void **state UNUSED)
{
	static const char *const wrong[] = {"", "x", "20512", "20512 " SHA, "20512 " SHA " 3.6.16", "20512 " SHA " ? all {}", "0 " SHA " 3.6.16 all {}",
					    "-1 " SHA " 3.6.16 all {}", "20512 0123 3.6.16 all {}", "20512 " SHA " 3.6.16 {}", "20512 " SHA "0 3.6.16 all {}", "20512 " SHA " 3.6.16 all {",
					    "99999999999999999999 " SHA " 3.6.16 all {}"};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct etcd_snapshot s = {.size = -7};

		assert_failure(etcd_read_snapshot(wrong[i], &s, &test_error), "cannot be understood");
		assert_int_equal(s.size, -7);
	}
}

/* ---- members */

#define MEMBERS                                                                                                                                     \
	"members {\"header\":{\"cluster_id\":324952591200643719},\"members\":["                                                                    \
	"{\"ID\":10276657743932975437,\"name\":\"demo-cp-2\",\"peerURLs\":[\"https://10.6.0.11:2380\"],\"clientURLs\":[\"https://10.6.0.11:2379\"]}," \
	"{\"ID\":18249187646912138824,\"name\":\"demo-cp-3\",\"peerURLs\":[\"https://10.6.0.12:2380\"],\"clientURLs\":[\"https://10.6.0.12:2379\"]}," \
	"{\"ID\":3319814642761637952,\"name\":\"demo-cp-1\",\"peerURLs\":[\"https://10.6.0.10:2380\"],\"clientURLs\":[\"https://10.6.0.10:2379\"]}]}\n"
#define ANSWER(host, id, leader, size)                                                                                                              \
	"{\"Endpoint\":\"https://10.6.0." host ":2379\",\"Status\":{\"header\":{\"member_id\":" id ",\"revision\":2,\"raft_term\":2},\"version\":\"3.6.16\","  \
	"\"dbSize\":" size ",\"leader\":" leader ",\"raftIndex\":5,\"raftTerm\":2,\"raftAppliedIndex\":5,\"dbSizeInUse\":16384,"                         \
	"\"storageVersion\":\"3.6.0\",\"dbSizeQuota\":8589934592,\"downgradeInfo\":{}}}"
#define ONE "3319814642761637952"
#define TWO "10276657743932975437"
#define THREE "18249187646912138824"
#define WELL(host) "{\"endpoint\":\"https://10.6.0." host ":2379\",\"health\":true,\"took\":\"19.872688ms\"}"
#define ILL(host, why) "{\"endpoint\":\"https://10.6.0." host ":2379\",\"health\":false,\"took\":\"3s\",\"error\":\"" why "\"}"
#define WHOLE                                                                                                                                       \
	MEMBERS "status [" ANSWER("10", ONE, TWO, "20480") "," ANSWER("11", TWO, TWO, "20480") "," ANSWER("12", THREE, TWO, "20480") "]\n"          \
		"health [" WELL("10") "," WELL("11") "," WELL("12") "]\nalarms {\"header\":{}}\n"

static struct plan_node nodes[] = {{.node = {.name = S("demo-cp-1"), .role = NODE_CONTROL_PLANE, .address = S("10.6.0.10")}},
				   {.node = {.name = S("demo-cp-2"), .role = NODE_CONTROL_PLANE, .address = S("10.6.0.11")}},
				   {.node = {.name = S("demo-cp-3"), .role = NODE_CONTROL_PLANE, .address = S("10.6.0.12")}},
				   {.node = {.name = S("demo-w-1"), .role = NODE_WORKER, .address = S("10.6.0.20")}}};

/* What is not well, "; " between. */
static char *ailments_of(const char *text, size_t planes)
{
	CLEANUP_ETCD_STATUS struct etcd_status s = {0};
	CLEANUP_STRV struct strv why = STRV_INIT;
	struct plan plan = {.nodes = nodes + (3 - planes), .n_nodes = planes + 1};

	assert_success(etcd_read_status(text, strlen(text), &s, &test_error));
	etcd_ailments(&s, &plan, &why);
	return strv_join(&why, "; ");
}

static void check(const char *text, const char *wanted)
{
	CLEANUP_FREE char *found = ailments_of(text, 3);

	assert_string_equal(found, wanted);
}

static void test_all_well(void **state UNUSED)
{
	CLEANUP_ETCD_STATUS struct etcd_status s = {0};

	assert_success(etcd_read_status(WHOLE, strlen(WHOLE), &s, &test_error));
	assert_int_equal(s.n, 3);
	assert_string_equal(s.members[0].name, "demo-cp-1");
	assert_true(s.members[1].id == UINT64_C(10276657743932975437)); /* beyond what has a sign */
	assert_true(s.members[1].leader);
	assert_false(s.members[0].leader || s.members[2].leader);
	assert_string_equal(s.members[2].endpoint, "https://10.6.0.12:2379");
	assert_string_equal(s.members[2].version, "3.6.16");
	assert_int_equal(s.members[2].size, 20480);
	assert_int_equal(s.members[2].in_use, 16384);
	assert_true(s.members[2].raft_index == 5 && s.members[2].raft_term == 2);
	assert_null(s.members[2].trouble);
	check(WHOLE, "");
}

static void test_one_is_down(void **state UNUSED)
{
	check(MEMBERS "status [" ANSWER("10", ONE, TWO, "20480") "," ANSWER("11", TWO, TWO, "20480") "]\n"
		      "health [" WELL("10") "," WELL("11") "," ILL("12", "context deadline exceeded") "]\nalarms {}\n",
	      "demo-cp-3: it does not answer: context deadline exceeded");
}

static void test_no_quorum(void **state UNUSED)
{
	check(MEMBERS "status [" ANSWER("10", ONE, "0", "20480") "]\n"
		      "health [" ILL("10", "etcdserver: no leader") "," ILL("11", "x") "," ILL("12", "y") "]\n",
	      "there is no quorum: 1 of 3 members answer; demo-cp-1: it is not healthy: etcdserver: no leader; demo-cp-2: it does not answer: x; "
	      "demo-cp-3: it does not answer: y");
	check(MEMBERS "status null\n", "there is no quorum: 0 of 3 members answer; demo-cp-1: it was not asked; demo-cp-2: it was not asked; demo-cp-3: it was not asked");
}

static void test_no_leader(void **state UNUSED)
{
	check(MEMBERS "status [" ANSWER("10", ONE, "0", "20480") "," ANSWER("11", TWO, "0", "20480") "," ANSWER("12", THREE, "0", "20480") "]\n"
		      "health [" WELL("10") "," WELL("11") "," WELL("12") "]\n",
	      "there is no leader");
}

static void test_alarms_and_space(void **state UNUSED)
{
	check(MEMBERS "status [" ANSWER("10", ONE, TWO, "20480") "," ANSWER("11", TWO, TWO, "7516192768") "," ANSWER("12", THREE, TWO, "20480") "]\n"
		      "health [" WELL("10") "," ILL("11", "Active Alarm(s)") "," WELL("12") "]\n"
		      "alarms {\"alarms\":[{\"memberID\":" TWO ",\"alarm\":1},{\"memberID\":" THREE ",\"alarm\":2}]}\n",
	      "demo-cp-2: it is not healthy: Active Alarm(s); demo-cp-2: alarm NOSPACE; demo-cp-2: its data base takes 7168 of the 8192 MiB that it may; 0 are "
	      "in use, the others a defragmentation gives back; demo-cp-3: alarm CORRUPT");
}

static void test_strangers(void **state UNUSED)
{
	CLEANUP_FREE char *found = ailments_of(WHOLE, 2);

	assert_string_equal(found, "demo-cp-1 is a member, and no control plane of the cluster");
	check("members {\"members\":[{\"ID\":1,\"name\":\"demo-cp-1\",\"clientURLs\":[\"a\"]},{\"ID\":2,\"name\":\"\",\"isLearner\":true}]}\n"
	      "status [{\"Endpoint\":\"a\",\"Status\":{\"header\":{\"member_id\":1},\"version\":\"3.6.16\",\"leader\":1}}]\nhealth [{\"endpoint\":\"a\",\"health\":true}]\n",
	      "member 2 has never started; member 2 is a learner: it has no vote yet; demo-cp-2 is a control plane, and no member; demo-cp-3 is a control plane, "
	      "and no member");
}

static void test_what_is_no_answer(void **state UNUSED)
{
	static const char *const wrong[] = {"", "members\n", "members {\n", "members {}\n", "members []\n", "members null\n", "members {\"members\":[1,[],null]}\n",
					    "status []\nhealth []\n"};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct etcd_status s = {0};

		assert_failure(etcd_read_status(wrong[i], strlen(wrong[i]), &s, &test_error), "etcd ");
		assert_null(s.members);
	}
}

/* ---- where it is */

static void test_place(void **state UNUSED)
{
	struct etcd_place p = {0};

	assert_success(etcd_read_place("3.6.16 open data 1000 2000 one none /var/lib/etcd.before-x\n", &p, &test_error));
	assert_string_equal(p.version, "3.6.16");
	assert_true(etcd_place_had_data(&p) && !p.done && !p.has_before && p.has_data && p.has_one_disk && p.free == 1000 && p.run_free == 2000);
	assert_string_equal(p.before, "/var/lib/etcd.before-x");
	etcd_place_clear(&p);
	assert_success(etcd_read_place("3.6.16 done data 1000 2000 two kept /var/lib/etcd/before-x\n", &p, &test_error));
	assert_true(p.done && p.has_before && !p.has_one_disk);
	etcd_place_clear(&p);
	/* its data is the snapshot's, and there was none before */
	assert_success(etcd_read_place("3.6.16 done data 1000 2000 two none /var/lib/etcd/before-x\n", &p, &test_error));
	assert_false(etcd_place_had_data(&p));
	etcd_place_clear(&p);
	assert_failure(etcd_read_place("3.6.16 done\n", &p, &test_error), "cannot be understood");
}

static void test_revisions_never_go_back(void **state UNUSED)
{
	const int64_t far = 1000000000;

	assert_int_equal(etcd_bump(500, 0, false), far);
	/* the same snapshot again, after what has been written since */
	assert_int_equal(500 + etcd_bump(500, 500 + far, false), 500 + 2 * far);
	/* one that was made after a restoration */
	assert_int_equal(etcd_bump(700 + far, 500 + far, false), far);
	/* what was begun goes on alike, also where an older davit had noted nothing */
	assert_int_equal(500 + etcd_bump(500, 500 + 2 * far, true), 500 + 2 * far);
	assert_int_equal(etcd_bump(500, 0, true), far);
}

static void test_kept_snapshots(void **state UNUSED)
{
	size_t n = 0;
	int64_t taken = 0;
	CLEANUP_FREE struct etcd_kept *kept = etcd_read_kept("20261125T030000Z.db 12345\n20261126T030000Z.db 23456\n20261131T030000Z.db 1\n"
							     "20261126T030000Z.db.part 1\n../../x.db 1\n20261127T030000Z.db\n20261128T030000Z.db x\n\n", &n);

	assert_int_equal(n, 2);
	assert_string_equal(kept[0].name, "20261126T030000Z.db");
	assert_int_equal(kept[0].size, 23456);
	assert_int_equal(kept[0].taken_ms, 1795662000000);
	assert_string_equal(kept[1].name, "20261125T030000Z.db");
	assert_true(etcd_kept_is_name("20261126T030000Z.db", &taken));
	assert_false(etcd_kept_is_name("20261126T250000Z.db", &taken));
	assert_false(etcd_kept_is_name("20261126T030000Z.db/..", &taken));
	assert_false(etcd_kept_is_name("-2261126T030000Z.db", &taken));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_snapshots),
		cmocka_unit_test(test_snapshot_line), cmocka_unit_test(test_snapshot_lines_that_are_none),
		cmocka_unit_test(test_all_well),      cmocka_unit_test(test_one_is_down),
		cmocka_unit_test(test_no_quorum),     cmocka_unit_test(test_no_leader),
		cmocka_unit_test(test_alarms_and_space), cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_what_is_no_answer), cmocka_unit_test(test_place), cmocka_unit_test(test_revisions_never_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
