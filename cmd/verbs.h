/* verbs: one function a command, one file a function; run by main.  0 or a positive exit status, -1 with an error. */
#pragma once
#include "cmd/context.h"
#include "cmd/options.h"
#include "pki/pki.h"
#include "provision/provision.h"

/* Exit status of `davit plan` when there is something to do, of `davit certs show` when a certificate is near its end, of `davit etcd status` when it is
 * not well. */
enum { EXIT_ENDING = 8, EXIT_ILL = 9, EXIT_CHANGES = 10 };

int verb_apply(const struct options *o, struct error **err);
int verb_backup_show(const struct options *o, struct error **err);
int verb_bundle(const struct options *o, struct error **err);
int verb_certs_csr(const struct options *o, struct error **err);
int verb_certs_rotate(const struct options *o, struct error **err);
int verb_certs_renew(const struct options *o, struct error **err);
int verb_certs_show(const struct options *o, struct error **err);
int verb_completion(const struct options *o, struct error **err);
int verb_delete(const struct options *o, struct error **err);
int verb_docker_context(const struct options *o, struct error **err);
int verb_etcd_backup(const struct options *o, struct error **err);
int verb_etcd_restore(const struct options *o, struct error **err);
int verb_etcd_snapshots(const struct options *o, struct error **err);
int verb_etcd_status(const struct options *o, struct error **err);
int verb_exec(const struct options *o, struct error **err);
int verb_init(const struct options *o, struct error **err);
int verb_inventory(const struct options *o, struct error **err);
int verb_kubeconfig(const struct options *o, struct error **err);
int verb_logs(const struct options *o, struct error **err);
int verb_node_drain(const struct options *o, struct error **err);
int verb_node_list(const struct options *o, struct error **err);
int verb_node_reboot(const struct options *o, struct error **err);
int verb_node_remove(const struct options *o, struct error **err);
int verb_node_replace(const struct options *o, struct error **err);
int verb_node_uncordon(const struct options *o, struct error **err);
int verb_orphans(const struct options *o, struct error **err);
int verb_plan(const struct options *o, struct error **err);
int verb_preflight(const struct options *o, struct error **err);
int verb_recover(const struct options *o, struct error **err);
int verb_registry(const struct options *o, struct error **err);
int verb_render(const struct options *o, struct error **err);
int verb_report(const struct options *o, struct error **err);
int verb_scale_down(const struct options *o, struct error **err);
int verb_scale_up(const struct options *o, struct error **err);
int verb_schema(const struct options *o, struct error **err);
int verb_ssh(const struct options *o, struct error **err);
int verb_ssh_config(const struct options *o, struct error **err);
int verb_status(const struct options *o, struct error **err);
int verb_swarm_backup(const struct options *o, struct error **err);
int verb_swarm_restore(const struct options *o, struct error **err);
int verb_tunnel(const struct options *o, struct error **err);
int verb_upgrade(const struct options *o, struct error **err);
int verb_version(const struct options *o, struct error **err);

extern const struct command certs_actions[]; /* of "davit certs", "davit etcd", "davit node" and "davit swarm": one file each */
extern const struct command etcd_actions[];
extern const struct command node_actions[];
extern const struct command secrets_actions[];
extern const struct command swarm_actions[];

/* Shared by several verbs. */
void verb_print_changes(const struct changes *changes, int format); /* with a line that counts them */
struct json_object *verb_changes_json(const struct changes *changes) MUST_USE; /* {"changes": […], "summary": {"create": 3, …}} */
/* How many there are that apply does something about; those among them that are nodes' leaving. */
size_t verb_to_do(const struct changes *changes);
size_t verb_leaving(const struct changes *changes);
char *verb_names(const struct strv *names) MUST_USE; /* "demo-w-3, demo-w-4 and 98 more", for people; the caller frees */
/* Of n jobs (parallel_for()'s errors): how many failed.  Those that were only stopped, because of another's failure or by Ctrl-C, count for nothing. */
size_t verb_failed(struct error *const *errors, size_t n);
/* Their messages, a line each between head and tail, as one error of ERROR_NODE, or of ERROR_INTERNAL where this machine alone is the reason (a full
 * disk); where none failed what cancel_check() says. */
int verb_sum_up(struct error *const *errors, size_t n, const char *head, const char *tail, struct error **err) MUST_USE;
/* parallel_for() of jobs all of which are tried; what failed is summed up, without a head. */
int verb_parallel(size_t n, unsigned width, int (*job)(size_t i, void *context, struct error **err), void *context, const char *tail, struct error **err) MUST_USE;
/* r; where the user ended a run that the same command takes up, the error says so.  command: "certs renew". */
int verb_interrupted(int r, const char *command, struct error **err) MUST_USE;
void verb_warn_left(const struct changes *changes); /* a warning for each of the others */
int verb_api_url(const struct context *c, char **ret, struct error **err) MUST_USE; /* https://ADDRESS:6443, by api.endpoint */
/* The administrator's kubeconfig into the state, where the cluster is one of Kubernetes alone. */
int verb_keep_kubeconfig(const struct context *c, struct pki *pki, struct error **err) MUST_USE;
/* Writes the known_hosts of the state, which the block of ssh_config in ret goes with; the caller frees its path. */
int verb_openssh(const struct context *c, char **ret_known_hosts, struct buf *ret, struct error **err) MUST_USE;
int verb_write(const struct options *o, const char *text, size_t len, unsigned mode, struct error **err) MUST_USE; /* --to FILE, or standard output */
