#include "cmd/options.h"
#include "core/base/alloc.h"
#include "tests/unit/test.h"

static int nothing(const struct options *o UNUSED, struct error **err UNUSED)
{
	return 0;
}

static const struct command actions[] = {
	{"node list", NULL, "Show them", NULL, 0, 0, OPT_FILE | OPT_OUTPUT, nothing},
	{"node drain", "NODE…", "Empty them", NULL, 1, -1, OPT_FILE | OPT_DRAIN | OPT_TOGETHER, nothing},
	{0},
};

const struct command commands[] = {
	{"apply", NULL, "Make", NULL, 0, 0, OPT_FILE | OPT_DRY_RUN | OPT_OUTPUT, nothing},
	{"logs", "NODE", "Show", NULL, 1, 2, OPT_FILE | OPT_LOGS, nothing},
	{"node", "list|drain", "Act on nodes", NULL, 1, -1, 0, NULL, actions},
	{"scale-down", "POOL", "Take workers out", NULL, 1, 2, OPT_FILE | OPT_NODE | OPT_DRAIN | OPT_TOGETHER, nothing},
	{"ssh", "NODE [COMMAND…]", "Log in", NULL, 1, -1, OPT_FILE | OPT_RAW_ARGS, nothing},
	{0},
};

static int parse(const char *command, struct options *o, size_t n, const char *const *words)
{
	options_init(o);
	return options_parse(command_find(command), (char *const *)words, n, o, &test_error);
}
#define PARSE(command, o, ...) parse(command, o, ARRAY_SIZE(((const char *[]){__VA_ARGS__})), (const char *[]){__VA_ARGS__})

static void test_values_in_every_form(void **state UNUSED)
{
	struct options o;

	assert_success(PARSE("apply", &o, "-f", "a.yaml"));
	assert_string_equal(o.file, "a.yaml");
	assert_success(PARSE("apply", &o, "-fb.yaml", "--dry-run", "-v", "-v"));
	assert_string_equal(o.file, "b.yaml");
	assert_true(o.dry_run);
	assert_int_equal(o.verbosity, 2);
	assert_success(PARSE("apply", &o, "--file=c.yaml", "--output", "json", "--log-format=json"));
	assert_string_equal(o.file, "c.yaml");
	assert_int_equal(o.format, OUTPUT_JSON);
	assert_true(o.json_log);
	assert_success(PARSE("apply", &o, "-vvf", "d.yaml"));
	assert_string_equal(o.file, "d.yaml");
	assert_int_equal(o.verbosity, 2);
	assert_success(PARSE("apply", &o, "-vfe.yaml"));
	assert_string_equal(o.file, "e.yaml");
	assert_int_equal(o.verbosity, 1);
}

static void test_what_is_wrong_is_said(void **state UNUSED)
{
	struct options o;

	assert_failure(PARSE("apply", &o, "--dryrun"), "did you mean \"--dry-run\"?");
	assert_failure(PARSE("apply", &o, "--file"), "--file needs a value: --file FILE");
	assert_failure(PARSE("apply", &o, "--dry-run=no"), "--dry-run takes no value");
	assert_failure(PARSE("apply", &o, "-vz"), "there is no option -vz");
	assert_failure(PARSE("apply", &o, "-v-file"), "there is no option -v-file");
	assert_failure(PARSE("apply", &o, "-o", "xml"), "\"xml\" is not known; allowed: table, json");
	assert_failure(PARSE("apply", &o, "--yes"), "there is no option --yes");
	assert_failure(PARSE("apply", &o, "word"), "usage: davit apply [OPTION…]");
	strv_free(&o.args);
	assert_failure(parse("ssh", &o, 0, NULL), "usage: davit ssh [OPTION…] NODE [COMMAND…]");
}

static void test_the_words_of_another_program_are_left_alone(void **state UNUSED)
{
	struct options o;

	assert_success(PARSE("ssh", &o, "-f", "x.yaml", "cp-1", "ls", "-l", "--help"));
	assert_int_equal(o.args.n, 4);
	assert_string_equal(o.args.v[3], "--help");
	assert_false(o.help);
	strv_free(&o.args);
	assert_success(PARSE("ssh", &o, "--help"));
	assert_true(o.help);
}

static int choose(const char *a, const char *b, const struct command **ret, size_t *ret_used)
{
	char *words[] = {(char *)a, (char *)b};

	return command_choose(words, b != NULL ? 2 : 1, ret, ret_used, &test_error);
}

static void test_commands_and_their_actions(void **state UNUSED)
{
	const struct command *c = NULL;
	struct options o;
	size_t used = 0;

	assert_success(choose("apply", "list", &c, &used));
	assert_string_equal(c->name, "apply");
	assert_int_equal(used, 1);
	assert_success(choose("node", "drain", &c, &used));
	assert_string_equal(c->name, "node drain");
	assert_int_equal(used, 2);
	options_init(&o);
	assert_failure(options_parse(c, NULL, 0, &o, &test_error), "usage: davit node drain [OPTION…] NODE…");
	assert_failure(options_parse(c, (char *[]){(char *)"-o"}, 1, &o, &test_error), "node drain: there is no option -o");
	assert_success(choose("node", "--help", &c, &used));
	assert_ptr_equal(c->actions, actions);
	assert_failure(choose("node", NULL, &c, &used), "usage: davit node list|drain");
	assert_failure(choose("node", "drian", &c, &used), "node: \"drian\" is not known; did you mean \"drain\"? (allowed: list, drain");
	assert_failure(choose("node", "frobnicate", &c, &used), "allowed: list, drain");
	assert_failure(choose("nose", "list", &c, &used), "did you mean \"node\"?");
	assert_failure(choose("frobnicate", "list", &c, &used), "\"davit --help\" lists them");
}

static void test_a_letter_of_a_command_comes_first(void **state UNUSED)
{
	struct options o;

	assert_success(PARSE("logs", &o, "n-1", "-f", "--file", "x.yaml", "-n", "20000", "--since=10m"));
	assert_true(o.follow);
	assert_string_equal(o.file, "x.yaml");
	assert_int_equal(o.lines, 20000);
	assert_string_equal(o.since, "10m");
	options_clear(&o);
	assert_failure(PARSE("logs", &o, "n-1", "-n0"), "--lines: \"0\" is no number from 1 to 1000000");
	options_clear(&o);
}

static void test_lists_numbers_and_times(void **state UNUSED)
{
	struct options o;

	assert_success(PARSE("scale-down", &o, "w", "--node", "w-1", "--node=w-2", "--parallel", "12", "--force-after", "10m"));
	assert_int_equal(o.nodes.n, 2);
	assert_string_equal(o.nodes.v[1], "w-2");
	assert_int_equal(o.parallel, 12);
	assert_int_equal(o.force_after_ms, 600000);
	options_clear(&o);
	assert_success(PARSE("scale-down", &o, "w", "--force-after=0s"));
	assert_int_equal(o.force_after_ms, 0);
	assert_int_equal(o.parallel, 5);
	options_clear(&o);
	assert_success(PARSE("scale-down", &o, "w"));
	assert_true(o.force_after_ms < 0);
	options_clear(&o);
	assert_success(PARSE("scale-down", &o, "w", "-3"));
	assert_string_equal(o.args.v[1], "-3");
	options_clear(&o);
	for (size_t i = 0; i < 6; i++) {
		static const char *const times[] = {"10", "m", "-1s", "1d", "10 m", "99999999h"}, *const numbers[] = {"0", "-1", "x", "1001", "1x", ""};

		assert_failure(PARSE("scale-down", &o, "--force-after", times[i]), "is no time; write 90s, 10m or 1h");
		assert_failure(PARSE("scale-down", &o, "--parallel", numbers[i]), "is no number from 1 to 1000");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_in_every_form),
		cmocka_unit_test(test_what_is_wrong_is_said),
		cmocka_unit_test(test_commands_and_their_actions),
		cmocka_unit_test(test_a_letter_of_a_command_comes_first),
		cmocka_unit_test(test_lists_numbers_and_times),
		cmocka_unit_test(test_the_words_of_another_program_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
