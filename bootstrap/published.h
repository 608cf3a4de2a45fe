/*
 * published: what Kubernetes itself keeps of authorities and keys, beside the files of its programs: which authorities it hands out to pods, as the ConfigMap kube-root-ca.crt of each namespace, and to API servers of
 * extensions, as extension-apiserver-authentication.
 */
#pragma once
#include "core/base/json.h"
#include "core/base/strv.h"
#include "core/cluster/events.h"
#include "core/net/ssh.h"

/* Waits until each namespace has what the controller manager's --root-ca-file holds. */
int kubernetes_await_published(struct ssh *s, const char *pem, int64_t deadline, struct error **err) MUST_USE;
/* To these alone. API servers only ever add to it: what an authority had signed would be taken there until it ends by itself. */
int kubernetes_narrow_trust(struct ssh *s, const char *client_ca, const char *front_proxy_ca, int64_t deadline, struct error **err) MUST_USE;
/*
 * Programs in pods that read their authorities once (client-go before 1.36) begin again, each as its strategy says, and are waited for; "pods"
 * says in events for which (NULL: nobody looks).  others: of Deployments, StatefulSets and DaemonSets, those that davit has not made, whose pods get a
 * token, and with it the authorities.  ERROR_NODE names those that refused or are not out in time; all of them were tried.
 */
int kubernetes_restart(struct ssh *s, bool others, struct events *events, int64_t deadline, struct error **err) MUST_USE;
int kubernetes_count_others(struct ssh *s, int64_t deadline, size_t *ret, struct error **err) MUST_USE;

/* Every Secret is written once more, until none in etcd is encrypted with the key of that name. */
int kubernetes_rewrite_secrets(struct ssh *s, const char *old, int64_t deadline, struct error **err) MUST_USE;

/* Pure.  list: `kubectl get configmaps`, of that name in all namespaces. */
bool published_everywhere(struct json_object *list, const char *pem);
/* list: `kubectl get deployments,statefulsets,daemonsets --show-managed-fields`; ret: "deployment/coredns -n kube-system". */
void published_workloads(struct json_object *list, bool others, struct strv *ret);
/* The same list later: which of those are not out; those alone that begin again by themselves (none with the strategy OnDelete). */
void published_waiting(struct json_object *list, bool others, struct strv *ret);
