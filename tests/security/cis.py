#!/usr/bin/python3
"""cis.py FOLDER: the CIS Kubernetes Benchmark v1.11, item by item, on a cluster that runs. No item fails without a reason in
docs/security.md, and no reason is there for one that passes.

FOLDER holds what the cluster has answered: control-plane.json and worker.json, each what "davit exec --role ROLE -o json -- …" has printed of
collect.sh; objects.json, of "kubectl get -A -o json" of the kinds that cis_objects.py names; and secrets.txt, a line "TYPE NAMESPACE NAME" for
each Secret.
"""
import base64
import json
import os
import sys

import cis_objects
import page

COLUMNS = ["item", "looked at", "why it is so"]
CONTROL_PLANE, EVERY = ("control-plane",), ("control-plane", "worker")
STRONG = {f"TLS_ECDHE_{key}_WITH_{cipher}" for key in ("ECDSA", "RSA") for cipher in (
    "AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305", "CHACHA20_POLY1305_SHA256")}


class Node:
    """What collect.sh has said of one."""

    def __init__(self, name, text):
        self.name, self.flags, self.files, self.subjects, self.texts, self.provider = name, {}, {}, {}, {}, None
        for line in text.splitlines():
            kind, *rest = line.split("\t")
            getattr(self, f"read_{kind}")(*rest)

    def read_arg(self, program, argument):
        key, _, value = argument.partition("=")
        self.flags.setdefault(program, {})[key] = value or "true"

    def read_stat(self, mode, owner, path):
        self.files[path] = (int(mode, 8), owner)

    def read_subject(self, path, subject):
        self.subjects[path] = subject

    def read_text(self, path, text):
        self.texts[path] = base64.b64decode(text).decode()

    def read_provider(self, name):
        self.provider = name

    def settings(self, program):
        """A program's --config (JSON), or an empty one."""
        return json.loads(self.texts.get(self.flags.get(program, {}).get("--config"), "{}"))


# -- what is looked for: each gives what is wrong, a list


def flag(program, key, holds, what):
    def check(node):
        if program not in node.flags:
            return [f"{program} does not run"]
        value = node.flags[program].get(key)
        return [] if holds(value) else [f"{program} {key} is {value}, not {what}"]

    return check


def equals(program, key, wanted):
    return flag(program, key, lambda v: v == wanted, wanted)


def given(program, *keys):
    return every(*(flag(program, k, lambda v: bool(v), "given") for k in keys))


def missing(program, key):
    return flag(program, key, lambda v: v in (None, "false"), "missing")


def names(program, key, word):
    return flag(program, key, lambda v: word in (v or "").split(","), f"one with {word}")


def leaves_out(program, key, word):
    return flag(program, key, lambda v: word not in (v or "").split(","), f"one without {word}")


def at_least(program, key, least):
    return flag(program, key, lambda v: (v or "").isdigit() and int(v) >= least, f"{least} or more")


def every(*checks):
    return lambda node: [w for c in checks for w in c(node)]


def files(matches, mode=0o777, owner=None, some=True):
    """Modes have no other bits than these; some: there have to be files."""

    def check(node):
        found = {p: f for p, f in node.files.items() if matches(p)}
        wrong = [f"{p} has mode {m:o}" for p, (m, _) in found.items() if m & 0o777 & ~mode]
        wrong += [f"{p} is {o}'s" for p, (_, o) in found.items() if owner and o != owner]
        return wrong or ([] if found or not some else ["there is no such file"])

    return check


def file(*paths, **more):
    return files(lambda p: p in paths, **more)


def unit(name, **more):
    return file(f"/etc/systemd/system/{name}.service", **more)


def below(folder, end="", but="\n", **more):
    return files(lambda p: p.startswith(folder) and p.endswith(end) and not p.endswith(but), **more)


def setting(program, path, holds, what):
    """Of a program's configuration file, by "a.b"."""

    def check(node):
        value = node.settings(program)
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return [] if program in node.flags and holds(value) else [f"{path} of {program} is {json.dumps(value)}, not {what}"]

    return check


def kubelet(path, *wanted):
    return setting("kubelet", path, lambda v: v in wanted, " or ".join(json.dumps(w) for w in wanted))


def data_folder(mode, owner=None):
    def check(node):
        return file(node.flags.get("etcd", {}).get("--data-dir"), mode=mode, owner=owner)(node)

    return check


def authorities_differ(node):
    etcd, cluster = (node.flags.get(p, {}).get(k) for p, k in (("etcd", "--trusted-ca-file"), ("kube-apiserver", "--client-ca-file")))
    return [] if etcd and cluster and etcd != cluster else [f"etcd trusts {etcd}, the API server {cluster}"]


def writes_encrypted(node):
    return [] if node.provider in ("secretbox", "aescbc", "aesgcm", "kms") else [f"the first provider is {node.provider}"]


def audits(node):
    policy = node.texts.get(node.flags.get("kube-apiserver", {}).get("--audit-policy-file"), "")
    wanted = ("secrets", "configmaps", "tokenreviews", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy")
    return [f"the audit policy does not name {w}" for w in wanted if w not in policy]


def no_masters(node):
    return [f"{p} is of system:masters" for p, s in node.subjects.items() if "O=system:masters" in s] or (
        [] if node.subjects else ["no certificate was found"])


def level(node):
    """Of podSecurity."""
    policy = node.texts.get(node.flags.get("kube-apiserver", {}).get("--admission-control-config-file"), "")
    found = [line.split(":")[1].strip() for line in policy.splitlines() if line.strip().startswith("enforce:")]
    return found[0] if found else "privileged"


def pods(*levels):
    return lambda node: [] if level(node) in levels else [f"pods are held to {level(node)}, not to {' or '.join(levels)}"]


def users(_):
    return ["this is for the cluster's users"]


API, MANAGER, SCHEDULER, ETCD = "kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"
BASELINE, RESTRICTED = pods("baseline", "restricted"), pods("restricted")
ROOT = "root:root"
CONF = "/etc/kubernetes/"

# number, on which nodes, what is looked at, check
ITEMS = [
    ("1.1.1", CONTROL_PLANE, "mode of the API server's unit, 600", unit(API, mode=0o600)),
    ("1.1.2", CONTROL_PLANE, "owner of the API server's unit", unit(API, owner=ROOT)),
    ("1.1.3", CONTROL_PLANE, "mode of the controller manager's unit, 600", unit(MANAGER, mode=0o600)),
    ("1.1.4", CONTROL_PLANE, "owner of the controller manager's unit", unit(MANAGER, owner=ROOT)),
    ("1.1.5", CONTROL_PLANE, "mode of the scheduler's unit, 600", unit(SCHEDULER, mode=0o600)),
    ("1.1.6", CONTROL_PLANE, "owner of the scheduler's unit", unit(SCHEDULER, owner=ROOT)),
    ("1.1.7", CONTROL_PLANE, "mode of etcd's unit, 600", unit(ETCD, mode=0o600)),
    ("1.1.8", CONTROL_PLANE, "owner of etcd's unit", unit(ETCD, owner=ROOT)),
    ("1.1.9", EVERY, "modes of the CNI's files, 600", every(
        files(lambda p: p.startswith("/etc/cni/net.d/"), mode=0o600), below("/var/lib/cni/networks/", but="/lock", mode=0o600, some=False))),  # host-local's lock is empty
    ("1.1.10", EVERY, "owner of the CNI's files", every(
        files(lambda p: p.startswith("/etc/cni/net.d/"), owner=ROOT), below("/var/lib/cni/networks/", owner=ROOT, some=False))),
    ("1.1.11", CONTROL_PLANE, "mode of etcd's data, 700", data_folder(0o700)),
    ("1.1.12", CONTROL_PLANE, "owner of etcd's data, etcd:etcd", data_folder(0o777, "etcd:etcd")),
    ("1.1.13", CONTROL_PLANE, "mode of admin.conf, 600", every(
        file(CONF + "admin.conf", mode=0o600), file(CONF + "super-admin.conf", mode=0o600, some=False))),
    ("1.1.14", CONTROL_PLANE, "owner of admin.conf", every(
        file(CONF + "admin.conf", owner=ROOT), file(CONF + "super-admin.conf", owner=ROOT, some=False))),
    ("1.1.15", CONTROL_PLANE, "mode of scheduler.conf, 600", file(CONF + "scheduler.conf", mode=0o600)),
    ("1.1.16", CONTROL_PLANE, "owner of scheduler.conf", file(CONF + "scheduler.conf", owner=ROOT)),
    ("1.1.17", CONTROL_PLANE, "mode of controller-manager.conf, 600", file(CONF + "controller-manager.conf", mode=0o600)),
    ("1.1.18", CONTROL_PLANE, "owner of controller-manager.conf", file(CONF + "controller-manager.conf", owner=ROOT)),
    ("1.1.19", CONTROL_PLANE, "owner of the pki folder and its files", below(CONF + "pki", owner=ROOT)),
    ("1.1.20", CONTROL_PLANE, "modes of certificates, 644", below(CONF + "pki/", ".crt", mode=0o644)),
    ("1.1.21", CONTROL_PLANE, "modes of keys, 600", below(CONF + "pki/", ".key", mode=0o600)),
    ("1.2.1", CONTROL_PLANE, "anonymous requests, off", equals(API, "--anonymous-auth", "false")),
    ("1.2.2", CONTROL_PLANE, "no file of tokens", missing(API, "--token-auth-file")),
    ("1.2.3", CONTROL_PLANE, "DenyServiceExternalIPs", names(API, "--enable-admission-plugins", "DenyServiceExternalIPs")),
    ("1.2.4", CONTROL_PLANE, "certificate for kubelets", given(API, "--kubelet-client-certificate", "--kubelet-client-key")),
    ("1.2.5", CONTROL_PLANE, "kubelets are verified", given(API, "--kubelet-certificate-authority")),
    ("1.2.6", CONTROL_PLANE, "not all is allowed", leaves_out(API, "--authorization-mode", "AlwaysAllow")),
    ("1.2.7", CONTROL_PLANE, "node authorization", names(API, "--authorization-mode", "Node")),
    ("1.2.8", CONTROL_PLANE, "RBAC", names(API, "--authorization-mode", "RBAC")),
    ("1.2.9", CONTROL_PLANE, "EventRateLimit", every(
        names(API, "--enable-admission-plugins", "EventRateLimit"), given(API, "--admission-control-config-file"))),
    ("1.2.10", CONTROL_PLANE, "not AlwaysAdmit", leaves_out(API, "--enable-admission-plugins", "AlwaysAdmit")),
    ("1.2.11", CONTROL_PLANE, "AlwaysPullImages", names(API, "--enable-admission-plugins", "AlwaysPullImages")),
    ("1.2.12", CONTROL_PLANE, "ServiceAccount", leaves_out(API, "--disable-admission-plugins", "ServiceAccount")),
    ("1.2.13", CONTROL_PLANE, "NamespaceLifecycle", leaves_out(API, "--disable-admission-plugins", "NamespaceLifecycle")),
    ("1.2.14", CONTROL_PLANE, "NodeRestriction", names(API, "--enable-admission-plugins", "NodeRestriction")),
    ("1.2.15", CONTROL_PLANE, "no profiling", equals(API, "--profiling", "false")),
    ("1.2.16", CONTROL_PLANE, "audit log", given(API, "--audit-log-path")),
    ("1.2.17", CONTROL_PLANE, "audit log is kept 30 days", at_least(API, "--audit-log-maxage", 30)),
    ("1.2.18", CONTROL_PLANE, "10 older audit logs", at_least(API, "--audit-log-maxbackup", 10)),
    ("1.2.19", CONTROL_PLANE, "100 MB of each", at_least(API, "--audit-log-maxsize", 100)),
    ("1.2.20", CONTROL_PLANE, "requests end after the default time", missing(API, "--request-timeout")),
    ("1.2.21", CONTROL_PLANE, "tokens are looked up", flag(API, "--service-account-lookup", lambda v: v in (None, "true"), "true")),
    ("1.2.22", CONTROL_PLANE, "key of tokens", given(API, "--service-account-key-file")),
    ("1.2.23", CONTROL_PLANE, "certificate for etcd", given(API, "--etcd-certfile", "--etcd-keyfile")),
    ("1.2.24", CONTROL_PLANE, "certificate that serves", given(API, "--tls-cert-file", "--tls-private-key-file")),
    ("1.2.25", CONTROL_PLANE, "authority of clients", given(API, "--client-ca-file")),
    ("1.2.26", CONTROL_PLANE, "authority of etcd", given(API, "--etcd-cafile")),
    ("1.2.27", CONTROL_PLANE, "encryption at rest", given(API, "--encryption-provider-config")),
    ("1.2.28", CONTROL_PLANE, "by aescbc, kms or secretbox", writes_encrypted),
    ("1.2.29", CONTROL_PLANE, "strong ciphers", flag(
        API, "--tls-cipher-suites", lambda v: v and set(v.split(",")) <= STRONG, "strong ones alone")),
    ("1.2.30", CONTROL_PLANE, "pods' tokens end in time", equals(API, "--service-account-extend-token-expiration", "false")),
    ("1.3.1", CONTROL_PLANE, "ended pods are collected", at_least(MANAGER, "--terminated-pod-gc-threshold", 1)),
    ("1.3.2", CONTROL_PLANE, "no profiling", equals(MANAGER, "--profiling", "false")),
    ("1.3.3", CONTROL_PLANE, "credentials for each controller", equals(MANAGER, "--use-service-account-credentials", "true")),
    ("1.3.4", CONTROL_PLANE, "key of tokens", given(MANAGER, "--service-account-private-key-file")),
    ("1.3.5", CONTROL_PLANE, "authority for pods", given(MANAGER, "--root-ca-file")),
    ("1.3.6", CONTROL_PLANE, "RotateKubeletServerCertificate", leaves_out(
        MANAGER, "--feature-gates", "RotateKubeletServerCertificate=false")),
    ("1.3.7", CONTROL_PLANE, "listens on the loopback", equals(MANAGER, "--bind-address", "127.0.0.1")),
    ("1.4.1", CONTROL_PLANE, "no profiling", equals(SCHEDULER, "--profiling", "false")),
    ("1.4.2", CONTROL_PLANE, "listens on the loopback", equals(SCHEDULER, "--bind-address", "127.0.0.1")),
    ("2.1", CONTROL_PLANE, "certificate that serves", given(ETCD, "--cert-file", "--key-file")),
    ("2.2", CONTROL_PLANE, "clients have certificates", equals(ETCD, "--client-cert-auth", "true")),
    ("2.3", CONTROL_PLANE, "none that it makes itself", missing(ETCD, "--auto-tls")),
    ("2.4", CONTROL_PLANE, "certificate for members", given(ETCD, "--peer-cert-file", "--peer-key-file")),
    ("2.5", CONTROL_PLANE, "members have certificates", equals(ETCD, "--peer-client-cert-auth", "true")),
    ("2.6", CONTROL_PLANE, "none that it makes itself", missing(ETCD, "--peer-auto-tls")),
    ("2.7", CONTROL_PLANE, "an authority of its own", authorities_differ),
    ("3.1.1", CONTROL_PLANE, "no certificates for persons", users),
    ("3.1.2", None, "no tokens of service accounts for persons", cis_objects.no_kept_tokens),
    ("3.1.3", None, "no bootstrap tokens for persons", cis_objects.no_bootstrap_tokens),
    ("3.2.1", CONTROL_PLANE, "audit policy", given(API, "--audit-policy-file")),
    ("3.2.2", CONTROL_PLANE, "it names what matters", audits),
    ("4.1.1", EVERY, "mode of the kubelet's unit, 600", unit("kubelet", mode=0o600)),
    ("4.1.2", EVERY, "owner of the kubelet's unit", unit("kubelet", owner=ROOT)),
    ("4.1.3", EVERY, "mode of kube-proxy.conf, 600", file(CONF + "kube-proxy.conf", mode=0o600)),
    ("4.1.4", EVERY, "owner of kube-proxy.conf", file(CONF + "kube-proxy.conf", owner=ROOT)),
    ("4.1.5", EVERY, "mode of kubelet.conf, 600", file(CONF + "kubelet.conf", mode=0o600)),
    ("4.1.6", EVERY, "owner of kubelet.conf", file(CONF + "kubelet.conf", owner=ROOT)),
    ("4.1.7", EVERY, "mode of the clients' authority, 644", file(CONF + "pki/ca.crt", mode=0o644)),
    ("4.1.8", EVERY, "owner of the clients' authority", file(CONF + "pki/ca.crt", owner=ROOT)),
    ("4.1.9", EVERY, "mode of the kubelet's settings, 600", file("/var/lib/kubelet/config.yaml", mode=0o600)),
    ("4.1.10", EVERY, "owner of the kubelet's settings", file("/var/lib/kubelet/config.yaml", owner=ROOT)),
    ("4.2.1", EVERY, "no anonymous requests", kubelet("authentication.anonymous.enabled", False)),
    ("4.2.2", EVERY, "authorization asks the API server", kubelet("authorization.mode", "Webhook")),
    ("4.2.3", EVERY, "authority of clients", setting("kubelet", "authentication.x509.clientCAFile", lambda v: bool(v), "given")),
    ("4.2.4", EVERY, "no port without authentication", kubelet("readOnlyPort", None, 0)),
    ("4.2.5", EVERY, "idle streams end", setting("kubelet", "streamingConnectionIdleTimeout", lambda v: v not in ("0", "0s"), "not 0")),
    ("4.2.6", EVERY, "chains of iptables are kept", kubelet("makeIPTablesUtilChains", None, True)),
    ("4.2.7", EVERY, "the host's own name", missing("kubelet", "--hostname-override")),
    ("4.2.8", EVERY, "events are recorded", setting("kubelet", "eventRecordQPS", lambda v: v is None or v >= 0, "0 or more")),
    ("4.2.9", EVERY, "certificate that serves", every(
        *(setting("kubelet", k, lambda v: bool(v), "given") for k in ("tlsCertFile", "tlsPrivateKeyFile")))),
    ("4.2.10", EVERY, "client certificates are renewed", kubelet("rotateCertificates", True)),
    ("4.2.11", EVERY, "RotateKubeletServerCertificate", kubelet("featureGates.RotateKubeletServerCertificate", None, True)),
    ("4.2.12", EVERY, "strong ciphers", setting("kubelet", "tlsCipherSuites", lambda v: v and set(v) <= STRONG, "strong ones alone")),
    ("4.2.13", EVERY, "limit of processes of a pod", setting("kubelet", "podPidsLimit", lambda v: v and v > 0, "given")),
    ("4.2.14", EVERY, "seccomp by default", kubelet("seccompDefault", True)),
    ("4.2.15", EVERY, "IPAddressDeny of the unit", flag("kubelet", "--IPAddressDeny", lambda v: v == "any", "any")),
    ("4.3.1", EVERY, "metrics on the loopback", setting(
        "kube-proxy", "metricsBindAddress", lambda v: (v or "").startswith("127.0.0.1:"), "on the loopback")),
    ("5.1.1", None, "cluster-admin", cis_objects.cluster_admin),
    ("5.1.2", None, "who reads secrets", cis_objects.granted("secrets", "get", "list", "watch")),
    ("5.1.3", None, "no wildcards in roles", cis_objects.no_wildcards),
    ("5.1.4", None, "who makes pods", cis_objects.granted("pods", "create")),
    ("5.1.5", None, "default service accounts have no tokens", cis_objects.default_accounts),
    ("5.1.6", None, "pods have tokens where they need them", cis_objects.tokens_where_needed),
    ("5.1.7", EVERY, "no certificate of system:masters", no_masters),
    ("5.1.8", None, "bind, impersonate, escalate", cis_objects.granted("*", "bind", "impersonate", "escalate")),
    ("5.1.9", None, "who makes persistent volumes", cis_objects.granted("persistentvolumes", "create")),
    ("5.1.10", None, "proxy of nodes", cis_objects.granted("nodes/proxy", "get", "create")),
    ("5.1.11", None, "who approves certificates", cis_objects.granted("certificatesigningrequests/approval", "update", "patch")),
    ("5.1.12", None, "webhooks", every(*(cis_objects.granted(f"{k}webhookconfigurations", "create", "update", "patch")
                                         for k in ("mutating", "validating")))),
    ("5.1.13", None, "who makes tokens", cis_objects.granted("serviceaccounts/token", "create")),
    ("5.2.1", CONTROL_PLANE, "a policy for pods", BASELINE),
    ("5.2.2", CONTROL_PLANE, "privileged containers", BASELINE),
    ("5.2.3", CONTROL_PLANE, "the host's processes", BASELINE),
    ("5.2.4", CONTROL_PLANE, "the host's IPC", BASELINE),
    ("5.2.5", CONTROL_PLANE, "the host's network", BASELINE),
    ("5.2.6", CONTROL_PLANE, "privilege escalation", RESTRICTED),
    ("5.2.7", CONTROL_PLANE, "containers of root", RESTRICTED),
    ("5.2.8", CONTROL_PLANE, "NET_RAW", RESTRICTED),
    ("5.2.9", CONTROL_PLANE, "added capabilities", BASELINE),
    ("5.2.10", CONTROL_PLANE, "capabilities at all", RESTRICTED),
    ("5.2.11", CONTROL_PLANE, "HostProcess of Windows", BASELINE),
    ("5.2.12", CONTROL_PLANE, "folders of the host", BASELINE),
    ("5.2.13", CONTROL_PLANE, "ports of the host", BASELINE),
    ("5.3.1", None, "the CNI knows NetworkPolicies", cis_objects.network_policies_work),
    ("5.3.2", None, "each namespace has some", cis_objects.namespaces_have_policies),
    ("5.4.1", None, "secrets as files", cis_objects.no_secrets_in_environments),
    ("5.4.2", CONTROL_PLANE, "secrets elsewhere", users),
    ("5.5.1", CONTROL_PLANE, "provenance of images", names(API, "--enable-admission-plugins", "ImagePolicyWebhook")),
    ("5.6.1", CONTROL_PLANE, "namespaces as borders", users),
    ("5.6.2", EVERY, "seccomp of pods", kubelet("seccompDefault", True)),
    ("5.6.3", None, "security contexts of davit's own pods", cis_objects.security_contexts),
    ("5.6.4", CONTROL_PLANE, "the default namespace", users),
]


def judge(nodes, objects):
    """{number: [what is wrong]} of nodes {role: [Node]}"""
    results = {}
    for number, roles, _, check in ITEMS:
        if roles is None:
            results[number] = check(objects)
        else:
            asked = [n for r in roles for n in nodes[r]]
            results[number] = [f"{n.name}: {w}" for n in asked for w in check(n)] if check is not users else users(None)
    return results


def conclude(results, reasons):
    """(lines to print, whether all is well)"""
    lines, good = [], True
    for number, _, title, _ in ITEMS:
        wrong, reason = results[number], reasons.get(number)
        word = "pass" if not wrong else "fail"
        if bool(wrong) != (reason is not None):
            word, good = ("fail, without a reason" if wrong else "pass, for which docs/security.md has a reason to fail"), False
        lines.append(f"{number:7} {word:5} {title}" + (f": {reason}" if wrong and reason else ""))
        if wrong and reason is None:
            lines += [f"        {w}" for w in wrong]
    unknown = set(reasons) - {i[0] for i in ITEMS}
    failed = sum(1 for w in results.values() if w)
    lines += [f"{number}: there is no such item" for number in sorted(unknown)]
    return [*lines, f"{len(ITEMS) - failed} pass, {failed} fail"], good and not unknown


def reasons_of_page():
    return {r["item"]: r["why it is so"] for r in page.rows(COLUMNS)}


def load(folder):
    nodes = {}
    for role in EVERY:
        with open(os.path.join(folder, f"{role}.json"), encoding="utf-8") as f:
            nodes[role] = [Node(n["name"], n["stdout"]) for n in json.load(f)["nodes"]]
        if not nodes[role]:
            raise SystemExit(f"{folder}: no node of role {role}")
    with open(os.path.join(folder, "objects.json"), encoding="utf-8") as f:
        items = json.load(f)["items"]
    with open(os.path.join(folder, "secrets.txt"), encoding="utf-8") as f:
        return nodes, cis_objects.Objects(items, [line.split() for line in f])


def main():
    lines, good = conclude(judge(*load(sys.argv[1])), reasons_of_page())
    print("\n".join(lines))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
