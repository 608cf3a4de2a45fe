#!/usr/bin/env python3
"""curl of a node with a Docker engine, as far as davit uses its API (v1.44): the engines and their swarm are in $FAKE/swarm.json.

engine.py --restart NODE   a manager of a swarm with autolock is locked after it
engine.py --stop NODE      it is not there any more
engine.py --outside NODE   it begins with no swarm
engine.py --version NODE V  of its engine
engine.py --pend NODE N    for N looks it waits for the other managers
engine.py --elect N        for N looks at the nodes the managers have a new leader, which has heard of nobody but itself
engine.py --use SECRET     a service does
engine.py --show EXPRESSION   of what there is, as o
As in the real one, a key or an authority that changes reaches managers that are up, tokens change with the authority, and a majority of managers
is needed. $FAKE/fault holds "METHOD PATH STATUS TEXT": what the next such request is answered.
"""
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time

FAKE = os.environ["FAKE"]
NODE = os.environ.get("NODE", "")
DATA = os.environ.get("DOCKER_HOME", FAKE) + "/swarm"
PATH = FAKE + "/swarm.json"
LOCKED = 'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.'
NO_MANAGER = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state."
NO_LEADER = "The swarm does not have a leader. It's possible that too few managers are online."
ROTATION_LOOKS = 3


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def digest(text, n=16):
    return hashlib.sha256(text.encode()).hexdigest()[:n]


def engine(o, node=NODE):
    return o["engines"].setdefault(node, {"state": "inactive"})


def tokens(swarm):
    root = digest(swarm["TLSInfo"]["TrustRoot"], 40)
    swarm["JoinTokens"] = {"Worker": f"SWMTKN-1-{root}-worker", "Manager": f"SWMTKN-1-{root}-manager"}


def managers(o):
    return [n for n in o["nodes"] if n["Spec"]["Role"] == "manager"]


def voters(o):
    return [n for n in o["nodes"] if "ManagerStatus" in n]


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.5Z", time.gmtime())


def is_up(o, node):
    return engine(o, node["Description"]["Hostname"])["state"] == "active"


def add_node(o, role, address):
    node = {
        "ID": "id" + digest(NODE + str(len(o["nodes"])), 8),
        "Version": {"Index": 1},
        "CreatedAt": now(),
        "Spec": {"Role": role, "Availability": "active", "Labels": {}},
        "Description": {"Hostname": NODE, "Engine": {"EngineVersion": "29.9.3"}},
        "Status": {"State": "ready", "Addr": address},
    }
    if role == "manager":
        node["ManagerStatus"] = {"Reachability": "reachable", "Leader": not managers(o), "Addr": address + ":2377"}
    o["nodes"].append(node)
    if os.path.isdir(DATA):
        with open(DATA + "/docker-state.json", "w", encoding="utf-8") as f:
            f.write("{}")
    engine(o).update(state="active", key=o["swarm"]["key"] if role == "manager" else "")


def spread_key(o):
    """To all managers that are up; the others keep theirs."""
    for node in managers(o):
        if is_up(o, node):
            engine(o, node["Description"]["Hostname"])["key"] = o["swarm"]["key"]


def new_key(o):
    o["keys"] = o.get("keys", 0) + 1
    o["swarm"]["key"] = "SWMKEY-1-" + digest(f"key {o['keys']}", 43)


def anew(o, body):
    """Of the data that this node has: it is the only manager, the others are what they were; $FAKE/unknown names those who came later."""
    if engine(o)["state"] not in ("inactive", "active"):
        raise Refused(503, "This node is not a swarm manager.")
    unknown = ()
    if os.path.exists(FAKE + "/unknown"):
        with open(FAKE + "/unknown", encoding="utf-8") as f:
            unknown = f.read().split()
    o["nodes"] = [n for n in o["nodes"] if n["Description"]["Hostname"] not in (NODE, *unknown)]
    for node in o["nodes"]:
        node.pop("ManagerStatus", None)
    o["swarm"]["Spec"].update(body.get("Spec", {}))
    if not o["swarm"]["Spec"]["EncryptionConfig"]["AutoLockManagers"]:
        o["swarm"]["key"] = ""
    elif not o["swarm"]["key"]:
        new_key(o)
    add_node(o, "manager", body["AdvertiseAddr"])
    o["nodes"][-1]["ManagerStatus"]["Leader"] = True


def init(o, body, _):
    if body.get("ForceNewCluster"):
        return anew(o, body)
    if engine(o)["state"] != "inactive":
        raise Refused(503, "This node is already part of a swarm.")
    spec = body.get("Spec", {})
    o["swarm"] = {"ID": "swarm", "Version": {"Index": 10}, "Spec": {"EncryptionConfig": {"AutoLockManagers": False}, **spec}, "key": "",
                  "RootRotationInProgress": False, "TLSInfo": {"TrustRoot": "its own"}, "DefaultAddrPool": body.get("DefaultAddrPool")}
    tokens(o["swarm"])
    add_node(o, "manager", body["AdvertiseAddr"])


def join(o, body, _):
    offered = o.get("swarm", {}).get("JoinTokens", {})
    role = {offered.get("Worker"): "worker", offered.get("Manager"): "manager"}.get(body["JoinToken"])
    if engine(o)["state"] != "inactive":
        raise Refused(503, "This node is already part of a swarm.")
    if role is None:
        raise Refused(400, "invalid join token")
    add_node(o, role, body["AdvertiseAddr"])


def leave(o, _, query):
    if engine(o)["state"] == "inactive":
        raise Refused(503, "This node is not part of a swarm")
    if engine(o)["state"] == "locked" and "force" not in query:
        raise Refused(503, "Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.")
    engine(o).clear()
    engine(o)["state"] = "inactive"
    shutil.rmtree(DATA, ignore_errors=True)


def info(o, *_):
    waits = engine(o).get("waits")
    if waits is not None:
        engine(o)["waits"] = waits - 1
        if waits == 0:
            engine(o).update(state="active")
            del engine(o)["waits"]
    node = next((n for n in o["nodes"] if n["Description"]["Hostname"] == NODE), {})
    return {"Swarm": {"LocalNodeState": engine(o)["state"], "NodeID": node.get("ID", ""), "ControlAvailable": "ManagerStatus" in node},
            "ServerVersion": "29.9.3"}


def look(o, *_):
    swarm = o["swarm"]
    if swarm["RootRotationInProgress"] and all(is_up(o, n) for n in o["nodes"]):
        swarm["looks"] = swarm.get("looks", 0) + 1
        if swarm["looks"] >= ROTATION_LOOKS:
            swarm.update(RootRotationInProgress=False, looks=0)
            swarm["TLSInfo"]["TrustRoot"] = swarm["next"]
            swarm["Version"]["Index"] += 1
            tokens(swarm)
    spec = json.loads(json.dumps(swarm["Spec"]))
    spec.get("CAConfig", {}).pop("SigningCAKey", None)
    return {k: v for k, v in {**swarm, "Spec": spec}.items() if k not in ("key", "looks", "next")}


def check_version(have, query):
    if int(query.get("version", -1)) != have["Index"]:
        raise Refused(500, "rpc error: code = Unknown desc = update out of sequence")
    have["Index"] += 1


def update(o, body, query):
    swarm = o["swarm"]
    check_version(swarm["Version"], query)
    authority = body.get("CAConfig", {}).get("SigningCACert")
    if authority and authority.strip() != swarm["TLSInfo"]["TrustRoot"].strip():
        if "PRIVATE KEY" not in body["CAConfig"].get("SigningCAKey", ""):
            raise Refused(400, "the signing CA key must be provided")
        swarm.update(RootRotationInProgress=True, next=authority)
    swarm["Spec"] = body
    locks = body["EncryptionConfig"]["AutoLockManagers"]
    if locks and (not swarm["key"] or query.get("rotateManagerUnlockKey") == "true"):
        new_key(o)
    elif not locks:
        swarm["key"] = ""
    spread_key(o)


def unlock(o, body, _):
    if engine(o)["state"] != "locked":
        raise Refused(409, "swarm is not locked")
    if body["UnlockKey"] != engine(o)["key"]:
        raise Refused(401, "swarm could not be unlocked: invalid key provided")
    engine(o).update(state="active", key=o["swarm"]["key"])


def shown(o):
    deaf = o["deaf"] = max(0, o.get("deaf", 0) - 1)
    for node in o["nodes"]:
        up = is_up(o, node)
        node["UpdatedAt"] = now()
        node["Status"]["State"] = "down" if not up else "unknown" if deaf and node["Description"]["Hostname"] != NODE else "ready"
        if "ManagerStatus" in node:
            node["ManagerStatus"]["Reachability"] = "reachable" if up else "unreachable"
    return o["nodes"]


def find(o, node):
    for n in shown(o):
        if n["ID"] == node:
            return n
    raise Refused(404, f"node {node} not found")


def update_node(o, node, body, query):
    have = find(o, node)
    check_version(have["Version"], query)
    if have["Spec"]["Role"] == "manager" and body["Role"] == "worker" and "ManagerStatus" not in have:
        raise Refused(404, "rpc error: code = NotFound desc = can't find manager in raft memberlist")
    have["Spec"] = body
    if body["Role"] == "worker":
        have.pop("ManagerStatus", None)


def need_manager(o):
    if engine(o)["state"] == "locked":
        raise Refused(503, LOCKED)
    mine = [n for n in voters(o) if n["Description"]["Hostname"] == NODE]
    if engine(o)["state"] != "active" or not mine:
        raise Refused(503, NO_MANAGER)
    if 2 * sum(is_up(o, n) for n in voters(o)) <= len(voters(o)):
        raise Refused(503, NO_LEADER)


def show_secrets(o, _body, query):
    """by the beginning of their names, without what is in them"""
    names = json.loads(query["filters"])["name"]
    return [{k: v for k, v in s.items() if k != "Data"} for s in o.get("secrets", []) if any(s["Spec"]["Name"].startswith(n) for n in names)]


def create_secret(o, body, _query):
    if any(s["Spec"]["Name"] == body["Name"] for s in o.setdefault("secrets", [])):
        raise Refused(409, f"rpc error: code = AlreadyExists desc = secret {body['Name']} already exists")
    o["secrets"].append({"ID": digest(body["Name"] + body["Data"]), "Spec": {"Name": body["Name"]}, "Data": body["Data"]})
    return {"ID": o["secrets"][-1]["ID"]}


def remove_secret(o, secret):
    have = next((s for s in o.get("secrets", []) if s["ID"] == secret), None)
    if have is None:
        raise Refused(404, f"secret {secret} not found")
    if have.get("used"):
        raise Refused(400, f"rpc error: code = InvalidArgument desc = secret '{have['Spec']['Name']}' is in use by the following service: page")
    o["secrets"].remove(have)


HERE = {("GET", "/info"): info, ("POST", "/swarm/init"): init, ("POST", "/swarm/join"): join, ("POST", "/swarm/leave"): leave,
        ("POST", "/swarm/unlock"): unlock}
THERE = {("GET", "/swarm"): look, ("POST", "/swarm/update"): update,
         ("GET", "/swarm/unlockkey"): lambda o, *_: {"UnlockKey": o["swarm"]["key"]},
         ("GET", "/nodes"): lambda o, *_: shown(o), ("GET", "/services"): lambda o, *_: o.get("services", []),
         ("GET", "/tasks"): lambda o, *_: o.get("tasks", []), ("GET", "/secrets"): show_secrets, ("POST", "/secrets/create"): create_secret}


def answer(o, method, path, body):
    path, _, text = path.partition("?")
    query = dict(q.split("=") for q in text.split("&") if q)
    if engine(o)["state"] == "stopped":
        sys.exit(7)
    if os.path.exists(FAKE + "/fault"):
        with open(FAKE + "/fault", encoding="utf-8") as f:
            fault = f.read().split(" ", 3)
        if fault[:2] == [method, path]:
            os.remove(FAKE + "/fault")
            raise Refused(int(fault[2]), fault[3].strip())
    if (method, path) in HERE:
        return HERE[method, path](o, body, query)
    need_manager(o)
    if (method, path) in THERE:
        return THERE[method, path](o, body, query)
    parts = path.split("/")
    if parts[1] == "nodes" and method == "GET":
        return find(o, parts[2])
    if parts[1] == "nodes" and method == "POST":
        return update_node(o, parts[2], body, query)
    if parts[1] == "secrets" and method == "DELETE":
        return remove_secret(o, parts[2])
    if parts[1] == "nodes" and method == "DELETE":
        o["nodes"].remove(find(o, parts[2]))
        return None
    raise Refused(404, "page not found")


def request(o):
    words = sys.argv[1:]
    method = words[words.index("--request") + 1]
    path = words[-1].split("/v1.44", 1)[1]
    body = json.loads(sys.stdin.read()) if "--data-binary" in words else None
    with open(FAKE + "/argv", "a", encoding="utf-8") as f:
        f.write(" ".join(words) + "\n")
    if method != "GET":
        with open(FAKE + "/calls", "a", encoding="utf-8") as f:
            f.write(f"{NODE} {method} {path.partition('version=')[0].rstrip('?')}\n")
    try:
        said, status = answer(o, method, path, body), 200
    except Refused as why:
        said, status = {"message": str(why)}, why.status
    print(json.dumps(said) if said is not None else "", f"\n{status}", sep="", end="")


def restart(o, node):
    locks = engine(o, node).get("key")
    engine(o, node)["state"] = "locked" if locks else "active"


def main():
    if "--unix-socket" not in sys.argv and not sys.argv[1].startswith("--re") and sys.argv[1] not in ("--stop", "--outside", "--show", "--pend", "--version", "--elect", "--use"):
        os.execv("/usr/bin/curl", ["curl"] + sys.argv[1:])
    with open(FAKE + "/swarm.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        o = {"engines": {}, "nodes": []}
        if os.path.exists(PATH):
            with open(PATH, encoding="utf-8") as f:
                o = json.load(f)
        if sys.argv[1] == "--restart":
            restart(o, sys.argv[2])
        elif sys.argv[1] == "--stop":
            engine(o, sys.argv[2])["state"] = "stopped"
        elif sys.argv[1] == "--version":
            next(n for n in o["nodes"] if n["Description"]["Hostname"] == sys.argv[2])["Description"]["Engine"]["EngineVersion"] = sys.argv[3]
        elif sys.argv[1] == "--outside":
            o["engines"][sys.argv[2]] = {"state": "inactive"}
        elif sys.argv[1] == "--pend":
            engine(o, sys.argv[2]).update(state="pending", waits=int(sys.argv[3]))
        elif sys.argv[1] == "--elect":
            o["deaf"] = int(sys.argv[2]) + 1
        elif sys.argv[1] == "--use":
            next(s for s in o["secrets"] if s["Spec"]["Name"] == sys.argv[2])["used"] = True
        elif sys.argv[1] == "--show":
            print(eval(sys.argv[2], {"o": o}))  # pylint: disable=eval-used
        else:
            request(o)
        with open(PATH + ".new", "w", encoding="utf-8") as f:
            json.dump(o, f)
        os.rename(PATH + ".new", PATH)


main()
