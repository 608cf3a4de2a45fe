import os
import re
import subprocess
import tempfile
import unittest

import cis
import cis_objects

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden", "manifests")
CONFS = ("admin", "scheduler", "controller-manager", "kubelet", "kube-proxy")
FILES = {f"/etc/kubernetes/{c}.conf": 0o600 for c in CONFS} | {
    "/etc/kubernetes/pki/ca.key": 0o600,
    "/etc/kubernetes/pki/sa.pub": 0o644,
    "/etc/cni/net.d/10-davit.conflist": 0o600,
    "/var/lib/cni/networks/davit/10.244.1.2": 0o600,
}


def put(root, path, text, mode):
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    with open(root + path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(root + path, mode)


def process(root, number, command):
    words = command.replace("\\\n", " ").split()
    put(root, f"/proc/{number}/cmdline", "".join(w + "\0" for w in words), 0o444)


def fake_node(root, role):
    """What a node of the golden files is, once its units run."""
    folder = f"{GOLDEN}/{role}"
    with open(f"{folder}/files", encoding="utf-8") as f:
        listed = [line.split()[:2] for line in f if line[0] == "0"]
    for number, (mode, path) in enumerate(listed, 100):
        with open(folder + path, encoding="utf-8") as f:
            text = f.read()
        put(root, path, text, int(mode, 8))
        command = re.search(r"^ExecStart=((?:.*\\\n)*.*)$", text, re.MULTILINE)
        if path.endswith(".service") and command:
            process(root, number, command[1])
    for path, mode in FILES.items():
        put(root, path, "", mode)
    os.mkdir(f"{root}/var/lib/etcd", 0o700)
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -days 1 -subj /O=system:nodes/CN=x -out"
    subprocess.run([*make.split(), f"{root}/etc/kubernetes/pki/ca.crt"], check=True, capture_output=True)


def collected(role):
    with tempfile.TemporaryDirectory() as root:
        fake_node(root, role)
        text = subprocess.run(
            ["sh", f"{HERE}/collect.sh"], env={**os.environ, "CIS_ROOT": root}, check=True, capture_output=True, text=True
        ).stdout
    return re.sub(r"(?m)^(stat\t\d+\t)[^\t]*", r"\1root:root", text)  # of whoever runs the test


def bound(name, role, labels=None):
    return {"kind": "ClusterRoleBinding", "metadata": {"name": name, "labels": labels or {}}, "roleRef": {"name": role}}


OWN = {"kubernetes.io/bootstrapping": "rbac-defaults"}
OBJECTS = [
    bound("cluster-admin", "cluster-admin", OWN),
    bound("kubeadm:cluster-admins", "cluster-admin"),
    {"kind": "ClusterRole", "metadata": {"name": "cluster-admin", "labels": OWN}, "rules": [{"resources": ["*"], "verbs": ["*"]}]},
    {"kind": "ClusterRole", "metadata": {"name": "davit:flannel"}, "rules": [{"resources": ["nodes"], "verbs": ["get", "list"]}]},
    {"kind": "Namespace", "metadata": {"name": "kube-system"}},
    {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "kube-system"}},
    {
        "kind": "Pod",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {"serviceAccountName": "coredns", "containers": [{"name": "c", "securityContext": {"readOnlyRootFilesystem": True}}]},
    },
]


class Cis(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = {role: collected(role) for role in cis.EVERY}

    def results(self, change=("", ""), objects=(), secrets=()):
        nodes = {role: [cis.Node("n", re.sub(change[0], change[1], text) if change[0] else text)] for role, text in self.text.items()}
        return cis.judge(nodes, cis_objects.Objects([*OBJECTS, *objects], list(secrets)))

    def newly(self, *args, **more):
        """What fails now and did not before."""
        before = self.results()
        return sorted(n for n, w in self.results(*args, **more).items() if w and not before[n])

    def test_items_are_all_of_the_benchmark(self):
        sections = {"1.1": 21, "1.2": 30, "1.3": 7, "1.4": 2, "2": 7, "3.1": 3, "3.2": 2, "4.1": 10, "4.2": 15, "4.3": 1, "5.1": 13, "5.2": 13}
        sections |= {"5.3": 2, "5.4": 2, "5.5": 1, "5.6": 4}
        self.assertEqual([i[0] for i in cis.ITEMS], [f"{s}.{n + 1}" for s, most in sections.items() for n in range(most)])

    def test_what_davit_renders(self):
        lines, good = cis.conclude(self.results(), cis.reasons_of_page())
        self.assertTrue(good, "\n".join(lines))
        titles = {i[0]: i[2] for i in cis.ITEMS}
        for row in cis.page.rows(cis.COLUMNS):
            self.assertEqual(row["looked at"], titles[row["item"]])

    def test_arguments(self):
        self.assertEqual(self.newly((r"--profiling=false", "--profiling=true")), ["1.2.15", "1.3.2", "1.4.1"])
        self.assertEqual(self.newly((r"Node,RBAC", "RBAC,AlwaysAllow")), ["1.2.6", "1.2.7"])
        self.assertEqual(self.newly((r"(--audit-log-maxage)=30", r"\1=7")), ["1.2.17"])
        self.assertEqual(self.newly((r"arg\tetcd\t--peer-client-cert-auth\n", "")), ["2.5"])
        self.assertEqual(self.newly((r"(--tls-cipher-suites=)", r"\1TLS_RSA_WITH_AES_128_CBC_SHA,")), ["1.2.29"])
        self.assertEqual(self.newly((r"provider\tsecretbox", "provider\tidentity")), ["1.2.28"])

    def test_files(self):
        self.assertEqual(self.newly((r"600(\troot:root\t/etc/kubernetes/kubelet.conf)", r"644\1")), ["4.1.5"])
        self.assertEqual(self.newly((r"root:root(\t/etc/kubernetes/pki/ca.key)", r"debian:debian\1")), ["1.1.19"])
        self.assertEqual(self.newly((r"stat\t\d+\troot:root\t/etc/kubernetes/scheduler.conf\n", "")), ["1.1.15", "1.1.16"])
        self.assertEqual(self.newly((r"O=system:nodes", "O=system:masters")), ["5.1.7"])

    def test_a_program_that_does_not_run(self):
        self.assertEqual(self.newly((r"arg\tkube-scheduler\t.*\n", "")), ["1.4.1", "1.4.2"])

    def test_objects(self):
        role = {"kind": "Role", "metadata": {"name": "r", "namespace": "x"}, "rules": [{"resources": ["secrets"], "verbs": ["get", "escalate"]}]}
        self.assertEqual(self.newly(objects=[role]), ["5.1.2", "5.1.8"])
        self.assertEqual(self.newly(secrets=[("bootstrap.kubernetes.io/token", "kube-system", "t")]), ["3.1.3"])
        bare = {"kind": "Pod", "metadata": {"name": "p", "namespace": "kube-system"}, "spec": {"containers": [{"name": "c"}]}}
        self.assertEqual(self.newly(objects=[bare]), ["5.1.6", "5.6.3"])

    def test_reasons(self):
        reasons = cis.reasons_of_page()
        self.assertFalse(cis.conclude(self.results(), {k: v for k, v in reasons.items() if k != "5.3.1"})[1])
        lines, good = cis.conclude(self.results(), {**reasons, "1.2.2": "so"})
        self.assertFalse(good)
        self.assertTrue(any("1.2.2" in line and "has a reason to fail" in line for line in lines))
        self.assertFalse(cis.conclude(self.results(), {**reasons, "9.9": "so"})[1])
