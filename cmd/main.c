#include "cmd/verbs.h"
#include "core/base/alloc.h"
#include "core/base/cancel.h"
#include "core/base/log.h"
#include "core/cluster/recovery.h"
#include "core/net/http.h"
#include "core/net/ssh.h"
#include <stdio.h>

const struct command commands[] = {
	{"apply", NULL, "Make the cluster as the file says",
	 "Makes what is missing, changes what differs, and leaves alone what is right; run again after any interruption\n"
	 "it goes on from where it was.  With --cloud-only it makes networks, volumes and servers, fetches and installs nothing.\n"
	 "Workers that the file no longer wants are drained and removed at the end, after a question.\n"
	 "\"platform: {type: mke}\" and its \"mke.msr\" are written from the vendor's documentation, untested against the vendor's images.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_DRY_RUN | OPT_CLOUD_ONLY | OPT_MIRROR | OPT_BUNDLE | OPT_YES | OPT_DRAIN | OPT_TOGETHER, verb_apply},
	{"bundle", "create|show|push|verify", "Fetch, show, check or push the programs and images of the cluster",
	 "A bundle is an OCI image layout on disk that holds all that the servers install. \"apply\" makes one by itself\n"
	 "where none is named; \"bundle create\" makes it beforehand, for a place without the internet.", 1, 1,
	 OPT_FILE | OPT_STATE | OPT_MIRROR | OPT_BUNDLE | OPT_OUTPUT, verb_bundle},
	{"certs", "csr|renew|rotate-ca|show", "Show the cluster's certificates, renew them, and replace their authorities", NULL, 1, -1, 0, NULL, certs_actions},
	{"completion", "bash|zsh|fish", "Print completions for a shell", NULL, 1, 1, 0, verb_completion},
	{"delete", NULL, "Take the cluster away and leave nothing behind",
	 "Needs none of the cluster's servers.  Where the state is gone, what bears the cluster's mark is found in the cloud by its\n"
	 "name; where the file is gone, --name stands for it.  What Kubernetes made for services and volume claims goes as well.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_YES | OPT_DRY_RUN | OPT_OUTPUT | OPT_NAME | OPT_KEEP, verb_delete},
	{"docker-context", NULL, "Print the command that makes a context of the docker client for a swarm",
	 "The client goes by SSH to a manager, on the way that \"davit ssh-config\" writes down: davit docker-context | sh\n"
	 "With --tls it goes to the port that swarm.api of the file opens: FOLDER gets ca.pem, cert.pem, key.pem and env.sh.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_TO | OPT_CLIENT, verb_docker_context},
	{"etcd", "backup|restore|show|snapshots|status", "Show how etcd is, keep backups of it, and put one back", NULL, 1, -1, 0, NULL, etcd_actions},
	{"exec", "COMMAND…", "Run a command on all nodes at the same time, or on some of them",
	 "As their user, without standard input; each line comes with the name of its node.  The words are joined, and read by each node's shell.\n"
	 "Exit status 0 when it was 0 on all of them, 5 when it was not; where there is just one node, that of the command.", 1, -1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_SELECT | OPT_RAW_ARGS, verb_exec},
	{"init", NULL, "Write a small commented cluster file from what the cloud has", NULL, 0, 0, OPT_INIT | OPT_TO, verb_init},
	{"inventory", NULL, "Print the servers as Ansible's dynamic inventory",
	 "Groups: cluster_NAME, kubernetes, control_plane, worker, pool_NAME, registry, bastion.  Hosts come with address, user, key and the way that\n"
	 "davit itself goes; host keys are those of the state.  For ansible -i, in an executable file:\n\n"
	 "  #!/bin/sh\n  exec davit inventory --file /path/to/cluster.yaml \"$@\"", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_INVENTORY, verb_inventory},
	{"kubeconfig", NULL, "Print the administrator's kubeconfig, or one for a person",
	 "With --user a certificate is made for that person and these groups: signed by the cluster's authority, valid for --ttl, kept nowhere here.\n"
	 "Bind roles to the user or the groups.  It cannot be taken back before it ends: removing the bindings takes its rights.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_TO | OPT_USER, verb_kubeconfig},
	{"logs", "NODE [UNIT…]", "Show what units of a node have logged",
	 "UNIT is one of davit's, such as kubelet or kube-apiserver, or any other with its ending, such as ssh.service; without one all of davit's\n"
	 "are shown.  -f follows here; the cluster file is --file.", 1, -1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_LOGS, verb_logs},
	{"node", "drain|list|reboot|remove|replace|uncordon", "Show the nodes, and act on single ones", NULL, 1, -1, 0, NULL, node_actions},
	{"orphans", NULL, "Show what clusters that are not known here have in the project; exit status 7 when there is something",
	 "A cluster is known where its state is in $XDG_STATE_HOME/davit.  What others made from elsewhere shows here as well: look\n"
	 "before --delete, which asks for each; with --yes it takes the one that --uuid names.", 0, 0,
	 OPT_CLOUD | OPT_OUTPUT | OPT_YES | OPT_ORPHANS, verb_orphans},
	{"plan", NULL, "Show what apply would do; exit status 10 when there is something", NULL, 0, 0,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_MIRROR | OPT_BUNDLE, verb_plan},
	{"preflight", NULL, "Check whether the cloud can take the cluster, and change nothing",
	 "Quotas, names, zones, addresses, versions, roles, the clock, programs and images: all that apply checks before its\n"
	 "first write, told at once. Exit status 3 when something refuses.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_MIRROR | OPT_BUNDLE, verb_preflight},
	{"recover", NULL, "Rebuild a state that was lost",
	 "From the cloud come the resources and the nodes: enough for plan and delete.  Keys, passwords and pinned host keys come from a\n"
	 "control plane, with a key that may log in there (access.authorizedKeys, or the lost ssh/id_ed25519 from a backup), or from a\n"
	 "copy of its " RECOVERY_PATH ", which a backup holds as well.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_UUID | OPT_RECOVER | OPT_RESTORE, verb_recover},
	{"registry", "ls", "Show what the private registry holds", NULL, 1, 1, OPT_FILE | OPT_STATE | OPT_OUTPUT, verb_registry},
	{"render", "NODE", "Print every file that a node gets", "Keys and passwords are shown as digests unless --secrets is given.", 1, 1,
	 OPT_FILE | OPT_STATE | OPT_MIRROR | OPT_BUNDLE | OPT_SECRETS, verb_render},
	{"report", NULL, "Show where the time of the last run went", NULL, 0, 0, OPT_FILE | OPT_STATE | OPT_OUTPUT, verb_report},
	{"scale-down", "POOL [N|=N]", "Take workers out of a pool, without losing what runs there",
	 "N fewer than the file says (default: 1), or =N in all.  The number in the file is changed in place.  Nodes are cordoned and drained as\n"
	 "their pods' budgets allow, then Node, server, port and volumes go.  Those go first that have no server, are not Ready, or are\n"
	 "cordoned; then, of the zone with the most, the oldest version, the fewest pods, the newest.  --node chooses others.\n\n"
	 "What it has chosen it keeps to: interrupted at any point, the same command with =N goes on.  Pods that may not go keep their node, which\n"
	 "stays cordoned, and are named after 15 minutes; with --force-after they go.  The last worker stays while pods are on it, unless --yes is\n"
	 "given.", 1, 2,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_DRY_RUN | OPT_LAST | OPT_DRAIN | OPT_TOGETHER | OPT_NODE, verb_scale_down},
	{"scale-up", "POOL [N|=N]", "Add workers to a pool",
	 "N more than the file says (default: 1), or =N in all.  The number in the file is changed in place, every other byte of it stays;\n"
	 "then that pool is made as the file says, and nothing else is touched.  Where the checks refuse, the file stays as it was.  Interrupted at any\n"
	 "point, the same command with =N goes on.", 1, 2,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_DRY_RUN | OPT_MIRROR | OPT_BUNDLE, verb_scale_up},
	{"schema", NULL, "Print the JSON Schema of the cluster file", NULL, 0, 0, OPT_TO, verb_schema},
	{"secrets", "rotate-keys", "Replace the key that encrypts the cluster's Secrets in etcd, or unlocks a swarm's managers", NULL, 1, -1, 0, NULL, secrets_actions},
	{"ssh", "NODE [COMMAND…]", "Log in to a node, or run a command there", "NODE is demo-cp-1, or cp-1 for short.", 1, -1,
	 OPT_FILE | OPT_STATE | OPT_HOST_KEY | OPT_RAW_ARGS, verb_ssh},
	{"ssh-config", NULL, "Print a block of ssh_config for ssh, scp, rsync and what is built on them",
	 "With it in ~/.ssh/config (or by ssh -F) \"ssh demo-w-1\" goes the same way as davit does, with the cluster's key and the\n"
	 "host keys of the state, which are written to ssh/known_hosts there.  Run it again when servers have come or gone.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_TO, verb_ssh_config},
	{"status", NULL, "Show the nodes and what differs from the file", NULL, 0, 0, OPT_FILE | OPT_STATE | OPT_OUTPUT, verb_status},
	{"swarm", "backup|restore|show", "Keep backups of what the managers of a swarm have, and make a swarm of one", NULL, 1, -1, 0, NULL, swarm_actions},
	{"tunnel", "[COMMAND…]", "Reach the API through SSH while a command runs, or until Ctrl-C",
	 "A port of this machine's loopback leads to an API server that answers, and to another one when it does not any more.  The command gets a\n"
	 "kubeconfig for it in $KUBECONFIG: \"davit tunnel -- kubectl get nodes\"; Ctrl-C is the command's, and its exit status is davit's.  Without a\n"
	 "command it stays open and prints how to use it.  It needs no address of the API outside: api.endpoint may be anything.", 0, -1,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_TUNNEL | OPT_RAW_ARGS, verb_tunnel},
	{"upgrade", NULL, "Bring control plane and workers to the file's version",
	 "One control plane after the other, then the workers of each pool, a few at a time: cordoned, drained as budgets allow, installed, waited\n"
	 "for, uncordoned.  All that stands against it is told before the first write; etcd's snapshot is kept in the state folder.  A node that\n"
	 "does not come up with the new version is put back to the old one, and it ends there; run again, it goes on from where it was.  A swarm's\n"
	 "managers are drained as well, and the one that leads goes last; there is no snapshot.  MKE is backed up before its engines, and upgraded by\n"
	 "its own command after them.", 0, 0,
	 OPT_FILE | OPT_STATE | OPT_OUTPUT | OPT_DRY_RUN | OPT_MIRROR | OPT_BUNDLE | OPT_UPGRADE, verb_upgrade},
	{"version", NULL, "Print the version", NULL, 0, 0, 0, verb_version},
	{0},
};

static int run(int argc, char **argv, struct error **err)
{
	struct options o;
	const struct command *c = NULL;
	size_t used = 0;
	int r;

	options_init(&o);
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		if (argc > 2 && command_choose(argv + 2, (size_t)argc - 2, &c, &used, NULL) < 0)
			c = command_find(argv[2]);
		options_help(c);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "--version") == 0)
		return verb_version(&o, err);
	if (command_choose(argv + 1, (size_t)argc - 1, &c, &used, err) < 0)
		return -1;
	r = options_parse(c, argv + 1 + used, (size_t)argc - 1 - used, &o, err);
	if (r == 0 && o.help) {
		options_help(c);
	} else if (r == 0) {
		log_init((enum log_level)(o.verbosity < 0 ? LOG_ERROR : LOG_INFO + (o.verbosity > 2 ? 2 : o.verbosity)), o.json_log);
		r = c->run(&o, err);
	}
	options_clear(&o);
	return r;
}

int main(int argc, char **argv)
{
	CLEANUP_ERROR struct error *err = NULL;
	int r;

	cancel_init();
	cancel_signals();
	http_global_init();
	ssh_global_init();
	r = run(argc, argv, &err);
	if (r >= 0)
		return r;
	log_error("%s", error_message(err));
	return error_exit_status(err);
}
