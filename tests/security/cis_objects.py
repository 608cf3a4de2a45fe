"""The items of the CIS benchmark that are about objects of the cluster; each check gives what is wrong, a list.

Objects: "kubectl get -A -o json" of KINDS. Roles and bindings that Kubernetes itself makes are its own matter; nor are those of users judged here,
which there are none of after an installation.
"""
KINDS = "clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,pods,namespaces,networkpolicies,daemonsets"


def name(o):
    namespace = o["metadata"].get("namespace")
    return f"{o['kind']} {namespace + '/' if namespace else ''}{o['metadata']['name']}"


def builtin(o):
    return o["metadata"].get("labels", {}).get("kubernetes.io/bootstrapping") == "rbac-defaults"


class Objects:
    def __init__(self, items, secrets):
        self.items = items
        self.secrets = secrets  # (type, namespace, name): what they hold stays where it is

    def of(self, *kinds):
        return [o for o in self.items if o["kind"] in kinds]

    def roles(self):
        return [o for o in self.of("ClusterRole", "Role") if not builtin(o)]

    def own_pods(self):
        return [o for o in self.of("Pod") if o["metadata"]["namespace"] == "kube-system"]


def cluster_admin(objects):
    bindings = [o for o in objects.of("ClusterRoleBinding", "RoleBinding") if o["roleRef"]["name"] == "cluster-admin"]
    return [f"{name(o)} binds cluster-admin" for o in bindings if not builtin(o)]


def grants(rule, resource, verbs):
    resources = rule.get("resources", [])
    fits = resource == "*" or resource in resources or "*" in resources
    return fits and any(v in rule["verbs"] or "*" in rule["verbs"] for v in verbs)


def granted(resource, *verbs):
    """By roles that are not Kubernetes' own; resource "*": any."""
    return lambda objects: [
        f"{name(o)} allows {'/'.join(verbs)} of {resource}"
        for o in objects.roles()
        if any(grants(r, resource, verbs) for r in o.get("rules") or [])
    ]


def no_wildcards(objects):
    return [
        f"{name(o)} has a wildcard"
        for o in objects.roles()
        if any("*" in r.get(k, []) for r in o.get("rules") or [] for k in ("resources", "verbs"))
    ]


def default_accounts(objects):
    accounts = [o for o in objects.of("ServiceAccount") if o["metadata"]["name"] == "default"]
    return [f"{name(o)} gives its token to pods" for o in accounts if o.get("automountServiceAccountToken") is not False]


def tokens_where_needed(objects):
    """Of pods that are part of the cluster none runs as the default account, which needs nothing."""
    return [
        f"{name(o)} has the token of the default account"
        for o in objects.own_pods()
        if o["spec"].get("serviceAccountName", "default") == "default" and o["spec"].get("automountServiceAccountToken") is not False
    ]


def of_type(kind):
    return lambda objects: [f"Secret {namespace}/{name_} is a {t}" for t, namespace, name_ in objects.secrets if t == kind]


no_kept_tokens = of_type("kubernetes.io/service-account-token")
no_bootstrap_tokens = of_type("bootstrap.kubernetes.io/token")


def network_policies_work(objects):
    known = ("calico", "cilium", "kube-router", "antrea")
    if any(k in o["metadata"]["name"] for o in objects.of("DaemonSet") for k in known):
        return []
    return ["there is nothing that enforces them"]


def namespaces_have_policies(objects):
    having = {o["metadata"]["namespace"] for o in objects.of("NetworkPolicy")}
    return [f"{name(o)} has none" for o in objects.of("Namespace") if o["metadata"]["name"] not in having]


def containers(pod):
    return pod["spec"]["containers"] + pod["spec"].get("initContainers", [])


def no_secrets_in_environments(objects):
    return [
        f"{name(o)} has a secret in its environment"
        for o in objects.own_pods()
        for c in containers(o)
        if any("secretKeyRef" in e.get("valueFrom", {}) for e in c.get("env", [])) or any("secretRef" in e for e in c.get("envFrom", []))
    ]


def security_contexts(objects):
    return [
        f"{name(o)}: {c['name']} has no security context" for o in objects.own_pods() for c in containers(o) if not c.get("securityContext")
    ] or ([] if objects.own_pods() else ["no pod was found in kube-system"])
