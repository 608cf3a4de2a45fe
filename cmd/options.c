#include "cmd/options.h"
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/base/buf.h"
#include <stdio.h>
#include <stdlib.h>

enum type { FLAG, VALUE, LIST, NUMBER, COUNT, DURATION, FORMAT, LOG_FORMAT, ADD, HELP };
enum { PARALLEL = 5, WIDTH = 32, WARN_DAYS = 60, NUMBER_MAX = 1000, COUNT_MAX = 1000000 };

static const struct option {
	char letter;
	const char *name, *value;
	enum type type;
	size_t offset;
	int add;      /* FLAG, ADD */
	uint64_t bit; /* 0: every command */
	const char *about;
} table[] = {
	{'f', "follow", NULL, FLAG, offsetof(struct options, follow), 1, OPT_LOGS, "go on with what is logged from now on, until Ctrl-C"},
	{'f', "file", "FILE", VALUE, offsetof(struct options, file), 0, OPT_FILE, "cluster file (default: cluster.yaml)"},
	{0, "state", "FOLDER", VALUE, offsetof(struct options, state_folder), 0, OPT_STATE, "state folder (default: $XDG_STATE_HOME/davit/NAME)"},
	{0, "os-cloud", "NAME", VALUE, offsetof(struct options, cloud), 0, OPT_FILE | OPT_INIT | OPT_CLOUD, "cloud of clouds.yaml, before the file's and $OS_CLOUD"},
	{'o', "output", "table|json", FORMAT, offsetof(struct options, format), 0, OPT_OUTPUT, "for people or for programs"},
	{'y', "yes", NULL, FLAG, offsetof(struct options, yes), 1, OPT_YES, "do not ask"},
	{'y', "yes", NULL, FLAG, offsetof(struct options, yes), 1, OPT_LAST, "also where no worker would be left for the pods"},
	{0, "dry-run", NULL, FLAG, offsetof(struct options, dry_run), 1, OPT_DRY_RUN, "say what would be done, and do nothing"},
	{0, "host-key", "FINGERPRINT", VALUE, offsetof(struct options, host_key), 0, OPT_HOST_KEY, "keep the host key of this fingerprint (SHA256:…) as the node's from now on"},
	{0, "cloud-only", NULL, FLAG, offsetof(struct options, cloud_only), 1, OPT_CLOUD_ONLY, "stop when the cloud's part is there: no node is installed"},
	{0, "mirror", "URL", VALUE, offsetof(struct options, mirror), 0, OPT_MIRROR, "put in front of every upstream address, before the file's"},
	{0, "bundle", "FOLDER", VALUE, offsetof(struct options, bundle), 0, OPT_BUNDLE, "folder of the bundle, before the file's"},
	{0, "secrets", NULL, FLAG, offsetof(struct options, secrets), 1, OPT_SECRETS, "print keys and passwords too"},
	{0, "to", "FILE", VALUE, offsetof(struct options, output_file), 0, OPT_TO, "write to FILE instead of standard output"},
	{0, "name", "NAME", VALUE, offsetof(struct options, name), 0, OPT_INIT, "name of the cluster (default: demo)"},
	{0, "name", "NAME", VALUE, offsetof(struct options, name), 0, OPT_NAME, "name of the cluster, instead of a file"},
	{0, "uuid", "UUID", VALUE, offsetof(struct options, uuid), 0, OPT_NAME | OPT_ORPHANS | OPT_UUID, "which of the clusters is meant, by its mark in the cloud"},
	{0, "identity", "FILE", VALUE, offsetof(struct options, identity), 0, OPT_RECOVER, "SSH key with which to fetch the rest from a control plane"},
	{0, "host-key", "FINGERPRINT", VALUE, offsetof(struct options, host_key), 0, OPT_RECOVER, "the host key that the control plane has to show (SHA256:…)"},
	{0, "archive", "FILE|URL", VALUE, offsetof(struct options, archive), 0, OPT_RECOVER, "a copy of the control plane's recovery file, or a backup, instead"},
	{0, "keep-volumes", NULL, FLAG, offsetof(struct options, keep_volumes), 1, OPT_KEEP, "leave the volumes of the cluster's claims, and their snapshots"},
	{0, "delete", NULL, FLAG, offsetof(struct options, remove), 1, OPT_ORPHANS, "take them away, after asking for each"},
	{0, "node", "NAME", LIST, offsetof(struct options, nodes), 0, OPT_NODE, "this one goes; may be given several times"},
	{0, "force-after", "TIME", DURATION, offsetof(struct options, force_after_ms), 0, OPT_DRAIN | OPT_UPGRADE, "then pods go whatever their budgets say, and those that nothing makes again (10m, 90s, 0s)"},
	{0, "parallel", "N", NUMBER, offsetof(struct options, parallel), 0, OPT_TOGETHER, "nodes that leave at the same time (default: 5)"},
	{0, "pool", "NAME", LIST, offsetof(struct options, pools), 0, OPT_SELECT, "on nodes of this pool alone; may be given several times"},
	{0, "role", "ROLE", LIST, offsetof(struct options, roles), 0, OPT_SELECT, "on nodes of this role alone: control-plane, worker, registry, bastion"},
	{0, "node", "NAME", LIST, offsetof(struct options, nodes), 0, OPT_SELECT, "on this node alone; may be given several times"},
	{0, "parallel", "N", NUMBER, offsetof(struct options, width), 0, OPT_SELECT, "nodes at the same time (default: 32)"},
	{0, "since", "TIME", VALUE, offsetof(struct options, since), 0, OPT_LOGS, "from then on: 90s, 10m, 1h, or as journalctl takes it"},
	{'n', "lines", "N", COUNT, offsetof(struct options, lines), 0, OPT_LOGS, "the last N lines (default: 100, or all with --since)"},
	{0, "parallel", "N", NUMBER, offsetof(struct options, at_once), 0, OPT_UPGRADE, "workers of a pool at the same time (default: 1)"},
	{0, "user", "NAME", VALUE, offsetof(struct options, user), 0, OPT_USER, "for this person instead, for a short time"},
	{0, "tls", "FOLDER", VALUE, offsetof(struct options, client), 0, OPT_CLIENT, "by the engine's port, with a certificate that is put there (swarm.api)"},
	{0, "user", "NAME", VALUE, offsetof(struct options, user), 0, OPT_CLIENT, "whom that certificate is for (default: admin)"},
	{0, "group", "NAME", LIST, offsetof(struct options, groups), 0, OPT_USER, "a group of that person; may be given several times"},
	{0, "ttl", "TIME", DURATION, offsetof(struct options, ttl_ms), 0, OPT_USER | OPT_CLIENT, "how long it is valid: 1m to 720h (default: 8h)"},
	{0, "allow-masters", NULL, FLAG, offsetof(struct options, masters), 1, OPT_USER, "also of system:masters, which nothing can take back"},
	{0, "all", NULL, FLAG, offsetof(struct options, all), 1, OPT_RENEW, "also what is not near its end"},
	{0, "node", "NAME", LIST, offsetof(struct options, nodes), 0, OPT_RENEW, "of this node alone; may be given several times"},
	{0, "restart-workloads", NULL, FLAG, offsetof(struct options, restart_workloads), 1, OPT_ROTATE, "let all Deployments, StatefulSets and DaemonSets begin again when the new authorities are trusted"},
	{0, "service-account", NULL, FLAG, offsetof(struct options, service_account), 1, OPT_ROTATE, "also the key that signs the tokens of service accounts"},
	{0, "warn-days", "N", NUMBER, offsetof(struct options, warn_days), 0, OPT_WARN_DAYS, "what ends sooner is near its end (default: 60)"},
	{0, "recipient", "CERT", LIST, offsetof(struct options, recipients), 0, OPT_BACKUP, "encrypt for the owner of this certificate (PEM file); may be given several times"},
	{0, "key", "FILE", VALUE, offsetof(struct options, key), 0, OPT_RESTORE, "private key (PEM) of the certificate that the backup was encrypted for"},
	{0, "abort", NULL, FLAG, offsetof(struct options, abort), 1, OPT_ABORT, "go back from a restoration that has not come to its end"},
	{0, "passphrase-file", "FILE", VALUE, offsetof(struct options, passphrase_file), 0, OPT_BACKUP | OPT_RESTORE, "its first line is the passphrase (default: $DAVIT_PASSPHRASE, or it is asked for)"},
	{0, "to", "FOLDER|URL", VALUE, offsetof(struct options, folder), 0, OPT_BACKUP, "where it gets a name of its own (default: this folder); also swift://CONTAINER, s3://BUCKET"},
	{0, "to", "FILE", VALUE, offsetof(struct options, output_file), 0, OPT_EXTRACT, "also write what it holds into FILE, decrypted (--key, --passphrase-file)"},
	{0, "keep", "N", NUMBER, offsetof(struct options, keep), 0, OPT_BACKUP, "then remove all but the N newest backups of this cluster there"},
	{0, "image", "NAME", VALUE, offsetof(struct options, image), 0, OPT_INIT, "image of the servers"},
	{0, "flavor", "NAME", VALUE, offsetof(struct options, flavor), 0, OPT_INIT, "flavor of the servers"},
	{0, "hard", NULL, FLAG, offsetof(struct options, hard), 1, OPT_HARD, "by the cloud, as after a power cut: also a node that does not answer"},
	{0, "list", NULL, FLAG, offsetof(struct options, list), 1, OPT_INVENTORY, "all groups and hosts (the default)"},
	{0, "host", "NAME", VALUE, offsetof(struct options, host), 0, OPT_INVENTORY, "the variables of that host alone"},
	{0, "snapshot", "NODE/NAME", VALUE, offsetof(struct options, snapshot), 0, OPT_SNAPSHOT, "of one that \"etcd snapshots\" lists, or of the newest: latest"},
	{0, "port", "N", COUNT, offsetof(struct options, port), 0, OPT_TUNNEL, "port of this machine's 127.0.0.1 (default: one that is free)"},
	{'q', "quiet", NULL, ADD, offsetof(struct options, verbosity), -1, 0, "errors only"},
	{'v', "verbose", NULL, ADD, offsetof(struct options, verbosity), 1, 0, "more of what is done"},
	{0, "debug", NULL, ADD, offsetof(struct options, verbosity), 2, 0, "every request and answer, secrets hashed"},
	{0, "log-format", "text|json", LOG_FORMAT, offsetof(struct options, json_log), 0, 0, "lines on standard error"},
	{'h', "help", NULL, HELP, offsetof(struct options, help), 1, 0, "this text"},
};

static bool takes(const struct command *c, const struct option *o)
{
	return o->bit == 0 || (c->options & o->bit) != 0;
}

/* "list" of "node list". */
static const char *last_word(const struct command *c)
{
	const char *space = strchr(c->name, ' ');

	return space != NULL ? space + 1 : c->name;
}

static const struct command *find_in(const struct command *list, const char *word)
{
	for (const struct command *c = list; c->name != NULL; c++)
		if (strcmp(last_word(c), word) == 0)
			return c;
	return NULL;
}

const struct command *command_find(const char *name)
{
	return find_in(commands, name);
}

static int not_in(const struct command *of, const char *word, struct error **err)
{
	const struct command *list = of != NULL ? of->actions : commands;
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *all = NULL, *meant = NULL;

	for (const struct command *c = list; c->name != NULL; c++)
		strv_add(&names, last_word(c));
	meant = str_meant(word, &names);
	all = strv_join(&names, ", ");
	if (of != NULL)
		return error_set(err, ERROR_USAGE, "%s: \"%s\" is not known%s (allowed: %s)", of->name, word, meant, all);
	return error_set(err, ERROR_USAGE, "there is no command \"%s\"%s (\"davit --help\" lists them)", word, meant);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int command_choose(char *const *words, size_t n, const struct command **ret, size_t *ret_used, struct error **err)
{
	const struct command *c = find_in(commands, words[0]), *action;

	if (c == NULL)
		return not_in(NULL, words[0], err);
	if (c->actions == NULL || (n > 1 && is_help(words[1]))) {
		*ret = c;
		*ret_used = 1;
		return 0;
	}
	if (n < 2)
		return error_set(err, ERROR_USAGE, "usage: davit %s %s", c->name, c->arguments);
	action = find_in(c->actions, words[1]);
	if (action == NULL)
		return not_in(c, words[1], err);
	*ret = action;
	*ret_used = 2;
	return 0;
}

static int unknown(const struct command *c, const char *word, struct error **err)
{
	CLEANUP_STRV struct strv names = STRV_INIT;
	CLEANUP_FREE char *meant = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(table) && strncmp(word, "--", 2) == 0; i++)
		if (takes(c, &table[i]))
			strv_addf(&names, "--%s", table[i].name);
	meant = str_meant(word, &names);
	return error_set(err, ERROR_USAGE, "%s: there is no option %s%s (\"davit %s --help\" lists them)", c->name, word, meant, c->name);
}

static int choice(const char *value, const char *other, const char *option, struct error **err)
{
	if (strcmp(value, "json") == 0)
		return 1;
	if (strcmp(value, other) == 0)
		return 0;
	return error_set(err, ERROR_USAGE, "--%s: \"%s\" is not known; allowed: %s, json", option, value, other);
}

static int number(const char *value, const char *option, int max, int *ret, struct error **err)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (*value < '0' || *value > '9' || *end != '\0' || n < 1 || n > max)
		return error_set(err, ERROR_USAGE, "--%s: \"%s\" is no number from 1 to %d", option, value, max);
	*ret = (int)n;
	return 0;
}

static int duration(const char *value, const char *option, int64_t *ret_ms, struct error **err)
{
	if (clock_span(value, ret_ms))
		return 0;
	return error_set(err, ERROR_USAGE, "--%s: \"%s\" is no time; write 90s, 10m or 1h", option, value);
}

void options_init(struct options *o)
{
	*o = (struct options){.file = "cluster.yaml", .force_after_ms = -1, .ttl_ms = -1, .parallel = PARALLEL, .width = WIDTH, .at_once = 1, .warn_days = WARN_DAYS};
}

void options_clear(struct options *o)
{
	strv_free(&o->args);
	strv_free(&o->nodes);
	strv_free(&o->pools);
	strv_free(&o->roles);
	strv_free(&o->groups);
	strv_free(&o->recipients);
}

static int apply(const struct option *option, struct options *o, const char *value, struct error **err)
{
	void *to = (char *)o + option->offset;
	int r;

	switch (option->type) {
	case FLAG:
	case HELP:
		*(bool *)to = true;
		return 0;
	case ADD:
		*(int *)to += option->add;
		return 0;
	case VALUE:
		*(const char **)to = value;
		return 0;
	case LIST:
		strv_add(to, value);
		return 0;
	case NUMBER:
		return number(value, option->name, NUMBER_MAX, to, err);
	case COUNT:
		return number(value, option->name, COUNT_MAX, to, err);
	case DURATION:
		return duration(value, option->name, to, err);
	case FORMAT:
		r = choice(value, "table", option->name, err);
		*(int *)to = r > 0 ? OUTPUT_JSON : OUTPUT_TABLE;
		return r < 0 ? -1 : 0;
	default:
		r = choice(value, "text", option->name, err);
		*(bool *)to = r > 0;
		return r < 0 ? -1 : 0;
	}
}

/* The first row that fits: a letter may stand for something else in some commands. */
static const struct option *find(const struct command *c, const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!takes(c, &table[i]))
			continue;
		if (word[1] == '-' && strlen(table[i].name) == len - 2 && strncmp(table[i].name, word + 2, len - 2) == 0)
			return &table[i];
		if (word[1] != '-' && table[i].letter == word[1])
			return &table[i];
	}
	return NULL;
}

/* No option is a number: what is meant is an argument, which the command judges. */
static bool is_argument(const char *word)
{
	return word[0] != '-' || word[1] == '\0' || (word[1] >= '0' && word[1] <= '9');
}

/* The option's value: behind "=", behind the letter, or the next word. */
static int value_of(const struct option *option, const char *word, char *const *words, size_t n, size_t *i, const char **ret, struct error **err)
{
	const char *equals = strchr(word, '=');

	if (option->value == NULL && word[1] == '-' && equals != NULL)
		return error_set(err, ERROR_USAGE, "--%s takes no value", option->name);
	if (option->value == NULL)
		*ret = "";
	else if (word[1] == '-' && equals != NULL)
		*ret = equals + 1;
	else if (word[1] != '-' && word[2] != '\0')
		*ret = word + 2;
	else if (*i + 1 < n)
		*ret = words[++*i];
	else
		return error_set(err, ERROR_USAGE, "--%s needs a value: --%s %s", option->name, option->name, option->value);
	return 0;
}

/* One word: an option, or letters of some behind one dash, of which the last one may have a value. */
static int parse_word(const struct command *c, char *const *words, size_t n, size_t *i, struct options *o, struct error **err)
{
	const char *word = words[*i];

	for (bool more = true; more; word++) { /* "yv" of "-yv" is read as "-v" is */
		const struct option *option = word > words[*i] && word[1] == '-' ? NULL : find(c, word);
		const char *value = NULL;

		if (option == NULL)
			return unknown(c, words[*i], err);
		more = option->value == NULL && word[1] != '-' && word[2] != '\0';
		if (value_of(option, word, words, n, i, &value, err) < 0 || apply(option, o, value, err) < 0)
			return -1;
	}
	return 0;
}

static int check_args(const struct command *c, const struct options *o, struct error **err)
{
	if (o->help)
		return 0;
	if ((int)o->args.n < c->min_args || (c->max_args >= 0 && (int)o->args.n > c->max_args))
		return error_set(err, ERROR_USAGE, "usage: davit %s [OPTION…]%s%s", c->name, c->arguments != NULL ? " " : "",
				 c->arguments != NULL ? c->arguments : "");
	return 0;
}

int options_parse(const struct command *c, char *const *words, size_t n, struct options *o, struct error **err)
{
	bool only_args = false;

	for (size_t i = 0; i < n; i++) {
		if (!only_args && strcmp(words[i], "--") == 0) {
			only_args = true;
			continue;
		}
		if (only_args || is_argument(words[i])) {
			strv_add(&o->args, words[i]);
			only_args = only_args || (c->options & OPT_RAW_ARGS) != 0;
			continue;
		}
		if (parse_word(c, words, n, &i, o, err) < 0)
			return -1;
	}
	return check_args(c, o, err);
}

/* Its letter, where no row above has taken it for this command. */
static char letter_of(const struct command *c, const struct option *o)
{
	char word[] = {'-', o->letter, '\0'};

	return o->letter != 0 && find(c, word) == o ? o->letter : '\0';
}

static void help_options(const struct command *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP_FREE char *left = NULL;
		char letter;

		if (!takes(c, &table[i]))
			continue;
		letter = letter_of(c, &table[i]);
		left = xasprintf("--%s%s%s", table[i].name, table[i].value ? " " : "", table[i].value ? table[i].value : "");
		printf("  %c%c%c %-24s %s\n", letter ? '-' : ' ', letter ? letter : ' ', letter ? ',' : ' ', left, table[i].about);
	}
}

static void help_actions(const struct command *of)
{
	printf("usage: davit %s %s\n\n%s.\n\n", of->name, of->arguments, of->summary);
	for (const struct command *c = of->actions; c->name != NULL; c++)
		printf("  %-12s %s\n", last_word(c), c->summary);
	printf("\n\"davit %s ACTION --help\" says more of one.\n", of->name);
}

void options_help(const struct command *c)
{
	if (c != NULL && c->actions != NULL) {
		help_actions(c);
		return;
	}
	if (c != NULL) {
		printf("usage: davit %s [OPTION…]%s%s\n\n%s.\n", c->name, c->arguments ? " " : "", c->arguments ? c->arguments : "", c->summary);
		if (c->details != NULL)
			printf("\n%s\n", c->details);
		printf("\n");
		help_options(c);
		return;
	}
	printf("usage: davit COMMAND [OPTION…] [ARGUMENT…]\n\nLowers a Kubernetes cluster onto an OpenStack cloud, described by one file.\n\n");
	for (c = commands; c->name != NULL; c++)
		printf("  %-14s %s\n", c->name, c->summary);
	printf("\n\"davit COMMAND --help\" says more of one.  Exit status: 0 done, 2 usage or file, 3 preflight refuses, 4 the cloud failed,\n"
	       "5 part of the nodes failed, 6 another run holds the cluster, 7 something is left behind, 8 a certificate is near its end,\n"
	       "9 etcd is not well, 130 interrupted.\n");
}

static void bash_names(struct buf *b, const struct command *list)
{
	for (const struct command *c = list; c->name != NULL; c++)
		buf_addf(b, "%s%s", c == list ? "" : " ", last_word(c));
}

/* By the word at `at`; where an action is to stand there its names come first. */
static void bash_cases(struct buf *b, const struct command *list, int at)
{
	buf_addf(b, "if [ \"$COMP_CWORD\" = %d ]; then words='", at);
	bash_names(b, list);
	buf_addf(b, "'\n\telse case ${COMP_WORDS[%d]} in\n", at);
	for (const struct command *c = list; c->name != NULL; c++) {
		buf_addf(b, "\t%s) ", last_word(c));
		if (c->actions != NULL) {
			bash_cases(b, c->actions, at + 1);
		} else {
			buf_add(b, "words='");
			for (size_t i = 0; i < ARRAY_SIZE(table); i++)
				if (takes(c, &table[i]))
					buf_addf(b, " --%s", table[i].name);
			buf_add(b, "'");
		}
		buf_add(b, " ;;\n");
	}
	buf_add(b, "\tesac; fi");
}

static void complete_bash(struct buf *b)
{
	buf_add(b, "_davit() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words\n\t");
	bash_cases(b, commands, 1);
	buf_add(b, "\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\ncomplete -o default -F _davit davit\n");
}

/* when: the condition of fish under which these may follow. */
static void fish_names(struct buf *b, const struct command *list, const char *when)
{
	for (const struct command *c = list; c->name != NULL; c++) {
		buf_addf(b, "complete -c davit -n '%s' -a %s -d ", when, last_word(c));
		buf_add_shell(b, c->summary);
		buf_add_char(b, '\n');
	}
}

static void fish_options(struct buf *b, const struct command *c, const char *when)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!takes(c, &table[i]))
			continue;
		buf_addf(b, "complete -c davit -n '%s' -l %s%s -d ", when, table[i].name, table[i].value ? " -r" : "");
		buf_add_shell(b, table[i].about);
		buf_add_char(b, '\n');
	}
}

static void complete_fish(struct buf *b)
{
	fish_names(b, commands, "__fish_use_subcommand");
	for (const struct command *c = commands; c->name != NULL; c++) {
		CLEANUP_FREE char *when = xasprintf("__fish_seen_subcommand_from %s", c->name);

		if (c->actions == NULL) {
			fish_options(b, c, when);
			continue;
		}
		fish_names(b, c->actions, when);
		for (const struct command *a = c->actions; a->name != NULL; a++) {
			CLEANUP_FREE char *both = xasprintf("%s; and __fish_seen_subcommand_from %s", when, last_word(a));

			fish_options(b, a, both);
		}
	}
}

int options_complete(const char *shell, struct error **err)
{
	CLEANUP_BUF struct buf b = BUF_INIT;

	if (strcmp(shell, "zsh") == 0)
		buf_add(&b, "autoload -U +X bashcompinit && bashcompinit\n");
	if (strcmp(shell, "bash") == 0 || strcmp(shell, "zsh") == 0)
		complete_bash(&b);
	else if (strcmp(shell, "fish") == 0)
		complete_fish(&b);
	else
		return error_set(err, ERROR_USAGE, "completion: \"%s\" is not known; allowed: bash, zsh, fish", shell);
	fputs(buf_str(&b), stdout);
	return 0;
}
