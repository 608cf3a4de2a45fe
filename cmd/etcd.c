#include "cmd/etcd.h"
#include "cmd/verbs.h"

const struct command etcd_actions[] = {
	{"etcd backup", "[FILE]", "Keep a snapshot of etcd on this machine, with the keys that it needs, encrypted",
	 "One file: the snapshot, compared with what etcd has written, and all that is secret in the state (PKI, the key that encrypts Secrets,\n"
	 "passwords, the SSH key).  It is encrypted for the owners of certificates (--recipient), so that no secret is needed here, or with a passphrase:\n"
	 "of --passphrase-file, of $DAVIT_PASSPHRASE, or asked for on the terminal.  Without FILE it gets a name with cluster and time, in --to FOLDER\n"
	 "or here; --keep N then removes all but the N newest of that cluster there.  With --snapshot it is one that a control plane has made.\n"
	 "--to swift://CONTAINER[/PREFIX] writes it to the cloud's object store, s3://BUCKET[/PREFIX] to S3: where AWS_ENDPOINT_URL says, by the keys of\n"
	 "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or of ~/.aws/credentials.  Container or bucket must be there.", 0, 1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_BACKUP | OPT_SNAPSHOT, verb_etcd_backup},
	{"etcd restore", "[BACKUP]", "Put etcd back to what it was, on all control planes",
	 "After the loss of all members, or to go back.  BACKUP is a file, or the URL of one in an object store.  It is read and checked as a whole before anything is touched.  Then all API servers are\n"
	 "stopped, then etcd; its data is moved aside and stays on the nodes; what the snapshot holds takes its place, and all begin again.  Pods run\n"
	 "on meanwhile.  An interruption loses nothing: the same command goes on, or --abort goes\n"
	 "back to the data of before.", 0, 1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_RESTORE | OPT_ABORT | OPT_YES | OPT_DRY_RUN, verb_etcd_restore},
	{"etcd show", "BACKUP", "Show what a backup is: of which cluster, of when, for whom",
	 "Reads its header, which is not encrypted, and whether the file is whole in length.  BACKUP is a file, or the URL of one in an object store.\n"
	 "No cluster and no passphrase are needed.  With --to all of it is opened, compared, and the snapshot is written into a file for you alone.", 1, 1,
	 OPT_OUTPUT | OPT_CLOUD | OPT_RESTORE | OPT_EXTRACT, verb_backup_show},
	{"etcd snapshots", "[URL]", "Show the snapshots that the control planes have made by the cluster's schedule",
	 "etcd.snapshots of the file says when, and how many stay.  \"etcd backup --snapshot NODE/NAME\" fetches one.  With the URL of an object store, as\n"
	 "\"etcd backup --to\" takes it: the cluster's backups there.", 0, 1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT, verb_etcd_snapshots},
	{"etcd status", NULL, "Show etcd's members, and whether they are well",
	 "Asked through the first control plane that answers, of all members.  Exit status 9 when something is not well, 5 when none can be asked: made\n"
	 "for monitoring.", 0, 0, OPT_FILE | OPT_STATE | OPT_OUTPUT, verb_etcd_status},
	{0},
};
