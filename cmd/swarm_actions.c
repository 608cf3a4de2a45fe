#include "cmd/verbs.h"

const struct command swarm_actions[] = {
	{"swarm backup", "[FILE]", "Keep what a manager of the swarm has on this machine, with the keys that it needs, encrypted",
	 "One file: the swarm's data as one manager has it, compared with what is there, the keys that unlock it, and all that "
	 "is secret in the state.\n"
	 "As Docker wants it, the manager's engine is stopped while its data is copied, for some seconds, which ends the "
	 "containers there; then it begins\n"
	 "again, and with swarm.autolock it is unlocked.  It is one that does not lead, and one that the others can do without "
	 "for so long: where they\n"
	 "would have no majority nothing is done.  Drain it before if that matters.  Interrupted, its engine begins again by "
	 "itself; \"davit apply\", or the\n"
	 "same command, unlocks it.\n\n"
	 "Of MKE it holds MKE's own backup as well, which disturbs nothing; on the manager MKE is away while its engine is stopped.\n\n"
	 "For whom it is encrypted (--recipient, --passphrase-file), where it goes (FILE, --to) and which go then (--keep) is as "
	 "with \"davit etcd backup\".",
	 0, 1, OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_BACKUP, verb_swarm_backup},
	{"swarm restore", "[BACKUP]", "Make the swarm anew of a backup, after the loss of most managers",
	 "BACKUP is a file, or the URL of one in an object store.  It is read and checked as a whole before anything is touched.  The manager that it is of,\n"
	 "or the first, begins a new swarm with it, which knows all services, networks, configs and secrets of then; the other managers leave what they\n"
	 "have, and join it.  Workers come back by themselves, or join anew.  What the managers had stays on them in a folder that is named at the end.\n"
	 "Servers that are gone \"davit apply\" makes again before, as far as it comes.  An interruption loses nothing: the same command goes on, or\n"
	 "--abort goes back to what was there before.",
	 0, 1, OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_RESTORE | OPT_ABORT | OPT_YES | OPT_DRY_RUN, verb_swarm_restore},
	{"swarm show", "BACKUP", "Show what a backup is: of which cluster, of when, for whom",
	 "Reads its header, which is not encrypted, and whether the file is whole in length.  BACKUP is a file, or the URL of one in an object store.\n"
	 "No cluster and no passphrase are needed.  With --to all of it is opened, compared, and what it holds is written into a file for you alone: a tar\n"
	 "by gzip with the folder swarm and, of MKE, mke.tar, its own backup.",
	 1, 1, OPT_OUTPUT | OPT_CLOUD | OPT_RESTORE | OPT_EXTRACT, verb_backup_show},
	{0},
};
