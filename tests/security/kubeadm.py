#!/usr/bin/python3
"""What a control plane gets from davit, beside what kubeadm of the same version would have written.

kubeadm.py compare MAKE_NODE        what a node gets from make_node, with kubeadm.json, by docs/security.md; prints TAP
kubeadm.py record KUBEADM [FILE]    what this kubeadm writes, as kubeadm.json, or compared with it
kubeadm.py expiration KUBEADM MAKE_NODE   whether kubeadm reads our certificates and kubeconfigs, and says of them what they say
Both are taken apart into facts, "certificate apiserver usage" and so on. Every one that differs stands in a table of docs/security.md with
its reason; "*" there stands for any part of a name or value.
"""
import base64
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import page

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, "kubeadm.json")
CLUSTER = os.path.join(HERE, "cluster.yaml")
NODE, ADDRESS = "demo-cp-1", "10.6.0.10"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
CONFIG = f"""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: {ADDRESS}}}
nodeRegistration: {{name: {NODE}, criSocket: "unix:///run/containerd/containerd.sock"}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: VERSION
clusterName: demo
networking: {{podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/16, dnsDomain: cluster.local}}
"""
PHASES = ("certs all", "kubeconfig all", "control-plane all", "etcd local", "kubelet-start")
COLUMNS = ["what", "kubeadm", "davit", "why"]
NONE = "–"


def run(*args, **more):
    return subprocess.run(args, check=True, capture_output=True, text=True, **more).stdout


def read(root, path):
    with open(root + path, encoding="utf-8") as f:
        return f.read()


# -- certificates


def section(text, title):
    """The lines of an extension in what "openssl x509 -text" prints, with "critical" where it is."""
    m = re.search(rf"^ +{title}: *(critical)? *\n((?: {{16}}.*\n)+)", text, re.MULTILINE)
    if m is None:
        return NONE
    values = ", ".join(sorted(v.strip() for v in m[2].replace("\n", ",").split(",") if v.strip()))
    return f"critical: {values}" if m[1] else values


def name(text, which):
    m = re.search(rf"^ +{which}: *(.*)$", text, re.MULTILINE)
    return ", ".join(sorted(re.split(r", ?", m[1].replace(" = ", "=")))) if m else NONE


def years(pem):
    """How long it is good; some begin a few minutes before they are made."""
    dates = run("openssl", "x509", "-noout", "-dates", "-dateopt", "iso_8601", input=pem)
    begin, end = (datetime.date.fromisoformat(d) for d in re.findall(r"=(\d{4}-\d\d-\d\d)", dates))
    n = round((end - begin).days / 365)
    return f"{n} year{'s' if n > 1 else ''}"


def certificate(key, pem, facts):
    text = run("openssl", "x509", "-noout", "-text", "-nameopt", "RFC2253", input=pem)
    usages = section(text, r"X509v3 Extended Key Usage")
    facts[f"{key} subject"] = name(text, "Subject")
    facts[f"{key} issuer"] = name(text, "Issuer")
    facts[f"{key} key"] = re.search(r"Public Key Algorithm: (\S+)", text)[1]
    facts[f"{key} key usage"] = section(text, "X509v3 Key Usage")
    facts[f"{key} usage"] = usages.replace("TLS Web ", "").replace(" Authentication", "")
    facts[f"{key} names"] = section(text, "X509v3 Subject Alternative Name").replace("IP Address:", "").replace("DNS:", "")
    facts[f"{key} constraints"] = section(text, "X509v3 Basic Constraints")
    facts[f"{key} good for"] = years(pem)


def certificates(root, facts):
    for folder, _, files in os.walk(root + "/etc/kubernetes/pki"):
        for file in sorted(files):
            path = f"{folder}/{file}"[len(root) :]
            key = f"certificate {path[len('/etc/kubernetes/pki/'):].removesuffix('.crt')}"
            of_kubeconfig = os.path.exists(f"{root}/etc/kubernetes/{file[:-4]}.conf")  # looked at with that
            if file.endswith(".crt") and not of_kubeconfig:
                certificate(key, read(root, path), facts)
            mode(root, path, facts)


def mode(root, path, facts):
    facts[f"file {path}"] = f"{os.stat(root + path).st_mode & 0o7777:04o}"


# -- kubeconfigs


def held(root, path, user):
    """The PEM of a kubeconfig's certificate, and how it holds it."""
    if "client-certificate-data" in user:
        return base64.b64decode(user["client-certificate-data"]).decode(), "inside"
    return read(root, user["client-certificate"]), "beside"


def kubeconfigs(root, facts):
    import yaml

    for file in sorted(os.listdir(root + "/etc/kubernetes")):
        if not file.endswith(".conf"):
            continue
        path, key = f"/etc/kubernetes/{file}", f"kubeconfig {file}"
        o = yaml.safe_load(read(root, path))
        cluster = o["clusters"][0]["cluster"]
        pem, facts[f"{key} certificate"] = held(root, path, o["users"][0]["user"])
        facts[f"{key} server"] = cluster["server"]
        facts[f"{key} cluster"] = o["clusters"][0]["name"]
        facts[f"{key} context"] = o["current-context"]
        facts[f"{key} verified"] = "yes" if "certificate-authority-data" in cluster or "certificate-authority" in cluster else "no"
        mode(root, path, facts)
        certificate(f"certificate {file}", pem, facts)


# -- flags and the kubelet's settings


def flags(program, words, facts):
    for word in words:
        key, _, value = word.partition("=")
        facts[f"{program} {key}"] = value or "true"


def static_pods(root, facts):
    import yaml

    for program in PROGRAMS:
        pod = yaml.safe_load(read(root, f"/etc/kubernetes/manifests/{program}.yaml"))
        flags(program, pod["spec"]["containers"][0]["command"][1:], facts)
    m = re.search(r'"(.*)"', read(root, "/var/lib/kubelet/kubeadm-flags.env"))
    flags("kubelet", m[1].split(), facts)


def units(root, facts):
    for program in (*PROGRAMS, "kubelet"):
        text = read(root, f"/etc/systemd/system/{program}.service").replace("\\\n", " ")
        flags(program, re.search(r"^ExecStart=\S+(.*)$", text, re.MULTILINE)[1].split(), facts)


def settings(key, value, facts):
    if isinstance(value, dict):
        for k, v in value.items():
            settings(f"{key}.{k}" if " " in key else f"{key} {k}", v, facts)
    else:
        facts[key] = value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def facts_of(root):
    import yaml

    facts = {}
    certificates(root, facts)
    kubeconfigs(root, facts)
    (static_pods if os.path.isdir(root + "/etc/kubernetes/manifests") else units)(root, facts)
    kubelet = yaml.safe_load(read(root, "/var/lib/kubelet/config.yaml"))
    settings("kubelet", kubelet, facts)
    return facts


# -- the two sides


def kubeadm_writes(kubeadm, root):
    """In a root of its own: kubeadm's paths are those of the machine that it runs on."""
    version = run(kubeadm, "version", "-o", "short").strip()
    shutil.copy(kubeadm, f"{root}/kubeadm")
    for folder in ("etc", "tmp", "dev", "run"):
        os.mkdir(f"{root}/{folder}")
    shutil.copy("/etc/hosts", f"{root}/etc/hosts")
    with open(f"{root}/config.yaml", "w", encoding="utf-8") as f:
        f.write(CONFIG.replace("VERSION", version))
    for phase in PHASES:
        run("unshare", "--net", "--mount", "chroot", root, "/kubeadm", "init", "phase", *phase.split(), "--config=/config.yaml")
    return version


def record(kubeadm):
    with tempfile.TemporaryDirectory() as root:
        version = kubeadm_writes(kubeadm, root)
        return {"version": version, "facts": facts_of(root)}


def ours(make_node, root):
    run(make_node, CLUSTER, NODE, root)
    return facts_of(root)


# -- the comparison


def pattern(text):
    return re.compile(re.escape(text).replace(r"\*", ".*"))


def differences(theirs, our):
    """[(what, kubeadm's, davit's)]"""
    keys = sorted(set(theirs) | set(our))
    found = [(k, theirs.get(k, NONE), our.get(k, NONE)) for k in keys]
    return [d for d in found if d[1] != d[2]]


def explained(found, rows):
    """(differences that no row explains, rows that explain nothing)"""
    patterns = [[pattern(r[c].replace("`", "")) for c in COLUMNS[:3]] for r in rows]
    fits = [[all(p.fullmatch(v) for p, v in zip(ps, d)) for ps in patterns] for d in found]
    unexplained = [d for d, f in zip(found, fits) if not any(f)]
    return unexplained, [r for i, r in enumerate(rows) if not r["why"] or not any(f[i] for f in fits)]


def compare(make_node):
    with open(RECORD, encoding="utf-8") as f:
        theirs = json.load(f)["facts"]
    with tempfile.TemporaryDirectory() as root:
        our = ours(make_node, root)
    found = differences(theirs, our)
    unexplained, idle = explained(found, page.rows(COLUMNS))
    same = len(set(theirs) | set(our)) - len(found)
    print(f"{'not ok' if unexplained else 'ok'} 1 - {same} facts are the same, {len(found)} differ, and each has its reason")
    for d in unexplained:
        print("# no reason: | `" + "` | `".join(d) + "` | |")
    print(f"{'not ok' if idle else 'ok'} 2 - each reason is of something that differs")
    for row in idle:
        print("# of nothing: " + " | ".join(row.values()))
    print("1..2")
    return 1 if unexplained or idle else 0


def record_or_check(kubeadm, file=None):
    now = json.dumps(record(kubeadm), indent=1, sort_keys=True) + "\n"
    if file is not None:
        with open(file, "w", encoding="utf-8") as f:
            f.write(now)
        return 0
    with open(RECORD, encoding="utf-8") as f:
        was = json.load(f)
    for d in differences(was["facts"], json.loads(now)["facts"]):
        print(f"{d[0]}: {RECORD} says {d[1]}, kubeadm writes {d[2]}")
    return 0 if was == json.loads(now) else 1


# -- kubeadm certs check-expiration


def expires(pem):
    return run("openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", input=pem).strip().split("=")[1].replace(" ", "T")


def flatten(root, path):
    """The kubeconfig with the files inside that it names, as "kubectl config view --raw --flatten" does: kubeadm reads no other."""
    import yaml

    o = yaml.safe_load(read(root, path))
    for entry in (o["clusters"][0]["cluster"], o["users"][0]["user"]):
        for key in ("certificate-authority", "client-certificate", "client-key"):
            if key in entry:
                entry[f"{key}-data"] = base64.b64encode(read(root, entry.pop(key)).encode()).decode()
    with open(root + path, "w", encoding="utf-8") as f:
        yaml.safe_dump(o, f)


def told(kubeadm, root):
    """What kubeadm says of the certificates in a root."""
    shutil.copy(kubeadm, f"{root}/kubeadm")
    with open(f"{root}/config.yaml", "w", encoding="utf-8") as f:
        f.write(CONFIG.replace("VERSION", run(kubeadm, "version", "-o", "short").strip()))
    ask = ("/kubeadm", "certs", "check-expiration", "--config=/config.yaml", "-o", "json")
    o = json.loads(run("unshare", "--net", "chroot", root, *ask))
    return o["certificates"] + o["certificateAuthorities"]


def expiration(kubeadm, make_node):
    with tempfile.TemporaryDirectory() as root:
        run(make_node, CLUSTER, NODE, root)
        for name_ in ("admin", "controller-manager", "scheduler"):
            flatten(root, f"/etc/kubernetes/{name_}.conf")
        wrong, seen = [], 0
        for c in told(kubeadm, root):
            if c.get("missing"):
                wrong += [] if c["name"] == "super-admin.conf" else [f"{c['name']}: kubeadm does not find it"]
                continue
            seen += 1
            path = re.sub("^etcd-", "etcd/", c["name"])
            pem = read(root, f"/etc/kubernetes/pki/{path.removesuffix('.conf')}.crt")
            if c["expirationDate"] != expires(pem):
                wrong.append(f"{c['name']}: kubeadm says {c['expirationDate']}, it ends {expires(pem)}")
    print("\n".join(wrong) if wrong else f"kubeadm reads {seen} certificates as they are")
    return 1 if wrong or seen < 13 else 0


def main():
    verbs = {"compare": compare, "record": record_or_check, "expiration": expiration}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    try:
        sys.exit(verbs[sys.argv[1]](*sys.argv[2:]))
    except subprocess.CalledProcessError as e:
        sys.exit(f"{' '.join(map(str, e.cmd))}: {e.stderr}")


if __name__ == "__main__":
    main()
