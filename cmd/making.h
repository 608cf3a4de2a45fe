/*
 * making: a backup on its way into its file, whatever it is of: for whom it is encrypted, where it goes, which of those before it go then.
 * The content itself comes between making_begin() and making_end(), and may be begun anew.
 */
#pragma once
#include "cmd/backup_file.h"
#include "cmd/context.h"
#include "provision/objects.h"

struct making {
	struct context c;     /* the caller opens it */
	const char *command;  /* "etcd backup" */
	int64_t taken_ms;		   /* since 1970 */
	const char *node;     /* that it comes from, once it is known */
	const char *folder; /* --to; NULL: FILE was given */
	struct objects *away; /* --to: where it goes then; else NULL */
	char *passing;	      /* folder of the file on its way there */
	char *path;
	struct strv certificates; /* PEM texts */
	struct strv sealed_for;
	char *passphrase;
	struct buf recovery;
	char *unlock; /* keys of the swarm's managers, secret; NULL: none */
	struct backup header;
	struct backup_writer writer;
	int64_t size; /* of the file */
	char sha256[DIGEST_HEX_LEN + 1];
	struct strv removed;
};
void making_init(struct making *m, const char *command);
void making_clear(struct making *m);

/* By FILE, --to, and when it was taken; ERROR_USAGE where there is a file of that name. */
int making_place(struct making *m, struct error **err) MUST_USE;
/* For whom, and what is sealed with it. */
int making_prepare(struct making *m, struct error **err) MUST_USE;
/* What an attempt before has written is gone. */
void making_anew(struct making *m);
/* The header but for what is the same in all; its content is taken. */
int making_begin(struct making *m, struct backup *header, struct error **err) MUST_USE;
int making_add(const void *p, size_t n, void *making, struct error **err) MUST_USE;
/* It is whole, and on the disk. */
int making_end(struct making *m, struct error **err) MUST_USE;
/* It goes where it has to be, older ones go, and its name is printed. */
int making_deliver(struct making *m, struct error **err) MUST_USE;
