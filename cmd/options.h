/*
 * options: the command line from tables: one table of options and one of commands feed the parser, --help, the man page
 * and the shell completions.
 */
#pragma once
#include "core/base/error.h"
#include "core/base/strv.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON };

struct options {
	const char *file;	  /* -f: default ./cluster.yaml */
	const char *state_folder; /* --state: NULL for the default */
	const char *cloud;	  /* --os-cloud */
	const char *host_key, *mirror, *bundle, *output_file, *image, *flavor, *name, *uuid, *identity, *archive;
	int format;		  /* enum output_format */
	int verbosity;		  /* -v 1, --debug 2, -q -1 */
	const char *host, *since; /* --host; --since */
	int lines;		  /* -n; 0: not given */
	bool follow, hard;
	bool yes, dry_run, abort, cloud_only, json_log, secrets, verify, keep_volumes, remove, list;
	struct strv nodes;	 /* --node, each */
	struct strv pools, roles; /* likewise */
	int width;		 /* --parallel of exec */
	int64_t force_after_ms;	 /* --force-after; below 0: never */
	int parallel;		 /* --parallel */
	int at_once;		 /* the same, of upgrade */
	const char *user;	 /* --user */
	const char *client;	 /* --tls: a folder */
	struct strv groups;	 /* --group, each */
	int64_t ttl_ms;		 /* --ttl; below 0: not given */
	bool all;		 /* --all */
	bool masters;		 /* --allow-masters */
	int warn_days;		 /* --warn-days */
	struct strv recipients;	 /* --recipient, each a file */
	const char *folder, *passphrase_file, *key; /* of "davit etcd": --to, --passphrase-file, --key */
	int keep;		 /* --keep; 0: not given */
	const char *snapshot;	 /* --snapshot */
	int port;		 /* --port; 0: any that is free */
	bool restart_workloads, service_account; /* of "certs rotate-ca" */
	struct strv args; /* what is no option */
	bool help;
};

/* Bits: which options a command takes besides the common ones. */
enum {
	OPT_FILE = 1 << 0,
	OPT_OUTPUT = 1 << 1,
	OPT_YES = 1 << 2,
	OPT_DRY_RUN = 1 << 3,
	OPT_MIRROR = 1 << 4,
	OPT_SECRETS = 1 << 5,
	OPT_INIT = 1 << 6,
	OPT_TO = 1 << 7,
	OPT_BUNDLE = 1 << 8,
	OPT_STATE = 1 << 9,
	OPT_HOST_KEY = 1 << 10,
	OPT_CLOUD_ONLY = 1 << 11,
	OPT_DRAIN = 1 << 12, /* how pods leave */
	OPT_NODE = 1 << 13,
	OPT_WARN_DAYS = 1 << 14,
	OPT_USER = 1 << 15,
	OPT_RENEW = 1 << 17,
	OPT_RAW_ARGS = 1 << 16, /* what follows the first argument belongs to another program: "davit ssh NODE ls -l" */
	OPT_BACKUP = 1 << 18,
	OPT_RESTORE = 1 << 19, /* what opens a backup */
	OPT_NAME = 1 << 20, /* --name and --uuid of a cluster that may have no file or no state any more */
	OPT_KEEP = 1 << 21,
	OPT_CLOUD = 1 << 22, /* --os-cloud without a file */
	OPT_ORPHANS = 1 << 23,
	OPT_UUID = 1 << 24,
	OPT_RECOVER = 1 << 25,
	OPT_INVENTORY = 1 << 26,
	OPT_HARD = 1 << 30,
	OPT_LOGS = 1 << 29,
	OPT_SELECT = 1 << 28, /* some of the nodes, at the same time */
	OPT_UPGRADE = 1 << 27
};
/* beyond those that an enum can hold */
#define OPT_TUNNEL (UINT64_C(1) << 32)
#define OPT_SNAPSHOT (UINT64_C(1) << 34)
#define OPT_ROTATE (UINT64_C(1) << 33)
#define OPT_TOGETHER (UINT64_C(1) << 35) /* several nodes leave at the same time */
#define OPT_CLIENT (UINT64_C(1) << 37) /* of the engines' port: with a certificate */
#define OPT_ABORT (UINT64_C(1) << 38)
#define OPT_EXTRACT (UINT64_C(1) << 39) /* what a backup holds, into a file */
#define OPT_LAST (UINT64_C(1) << 36)	   /* --yes, where nothing is asked: the last worker goes as well */

struct command {
	const char *name; /* of an action both words: "node list" */
	const char *arguments; /* "NODE [COMMAND…]", or NULL */
	const char *summary;   /* one line, no full stop */
	const char *details;   /* paragraphs for --help, or NULL */
	int min_args, max_args; /* -1: any number */
	uint64_t options;
	int (*run)(const struct options *o, struct error **err);
	const struct command *actions; /* what its next word may be; they run, it does not; ends with a name of NULL */
};

extern const struct command commands[]; /* ends with a name of NULL */

const struct command *command_find(const char *name);
/* The command that words begin with, or its action where it has some; *ret_used: the words that this took.  A command itself is given where
 * help is asked for instead of an action.  ERROR_USAGE says what was probably meant. */
int command_choose(char *const *words, size_t n, const struct command **ret, size_t *ret_used, struct error **err) MUST_USE;
/* What stands where nothing is given. */
void options_init(struct options *o);
void options_clear(struct options *o);
/* Words after the command's name; ERROR_USAGE says what is allowed. */
int options_parse(const struct command *c, char *const *words, size_t n, struct options *o, struct error **err) MUST_USE;
void options_help(const struct command *c); /* to stdout; NULL: the program's */
int options_complete(const char *shell, struct error **err) MUST_USE; /* bash, zsh or fish, to stdout */
