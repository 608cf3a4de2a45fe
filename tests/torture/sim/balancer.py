"""Octavia: load balancers, their parts, and that nothing of one can be changed while a change is under way."""
from .base import Refusal, Service, Things, matches, now, stamp
from wire import answer

PREFIX = "/v2.0/lbaas"
OWNER = "Octavia"
CHANGE = 0.3  # seconds
QUOTA = {"load_balancer": 10, "listener": -1, "pool": -1, "health_monitor": -1, "member": -1, "l7policy": -1, "l7rule": -1}
PARTS = {"listeners": "listener", "pools": "pool", "healthmonitors": "healthmonitor"}


def ids(things):
    return [{"id": o["id"]} for o in things]


class Balancer(Service):
    routes = (
        ("GET", f"{PREFIX}/quotas/[^/]+", "quotas"),
        ("GET", f"{PREFIX}/providers", "providers"),
        ("GET", f"{PREFIX}/loadbalancers", "list"),
        ("POST", f"{PREFIX}/loadbalancers", "create"),
        ("GET", f"{PREFIX}/loadbalancers/([^/]+)", "show"),
        ("DELETE", f"{PREFIX}/loadbalancers/([^/]+)", "delete"),
        ("GET", f"{PREFIX}/loadbalancers/([^/]+)/status", "status"),
        ("POST", f"{PREFIX}/({'|'.join(PARTS)})", "add_part"),
        ("GET", f"{PREFIX}/({'|'.join(PARTS)})/([^/]+)", "show_part"),
        ("PUT", f"{PREFIX}/listeners/([^/]+)", "update_listener"),
        ("PUT", f"{PREFIX}/pools/([^/]+)/members", "update_members"),
    )

    def __init__(self, cloud):
        super().__init__(cloud)
        self.all = Things()
        self.parts = {kind: Things() for kind in PARTS.values()}

    # ---- time ----

    def settle(self):
        for o in list(self.all.values()):
            if not o["provisioning_status"].startswith("PENDING_") or o["~at"] > now():
                continue
            if o["provisioning_status"] == "PENDING_DELETE":
                self.gone(o)
            else:
                o |= {"provisioning_status": "ACTIVE", "operating_status": "ONLINE"}

    def begin(self, o, status):
        """Of a load balancer: one change at a time."""
        if o["provisioning_status"] not in ("ACTIVE", *(("ERROR",) if status == "PENDING_DELETE" else ())):
            raise Refusal(409, f"Load Balancer {o['id']} is immutable and cannot be updated.")
        o |= {"provisioning_status": status, "~at": now() + CHANGE}

    def gone(self, o):
        port = self.cloud.network.things["port"].get(o["vip_port_id"])
        if port:
            self.cloud.network.drop("port", port)
        for things in self.parts.values():
            for part in things.where(**{"~balancer": o["id"]}):
                del things[part["id"]]
        del self.all[o["id"]]

    # ---- load balancers ----

    def shown(self, o):
        return {k: v for k, v in o.items() if not k.startswith("~")} | {
            "listeners": ids(self.parts["listener"].where(**{"~balancer": o["id"]})),
            "pools": ids(self.parts["pool"].where(**{"~balancer": o["id"]}))}

    def find(self, id):
        return self.all.get_or(id, Refusal(404, f"Load Balancer {id} not found."))

    def list(self, request):
        return answer(200, {"loadbalancers": [self.shown(o) for o in self.all.values() if matches(o, request.query)],
                            "loadbalancers_links": []})

    def show(self, request, id):
        return answer(200, {"loadbalancer": self.shown(self.find(id))})

    def create(self, request):
        body = request.json()["loadbalancer"]
        if len(self.all) >= QUOTA["load_balancer"]:
            raise Refusal(403, "Quota has been met for resources: Load Balancer")
        subnet = self.cloud.network.things["subnet"].get_or(body["vip_subnet_id"], Refusal(400, f"Subnet {body['vip_subnet_id']} not found."))
        id, address = self.cloud.id(), {"subnet_id": subnet["id"], "ip_address": body["vip_address"]}
        try:
            port = self.cloud.network.add("port", {"name": f"octavia-lb-{id}", "network_id": subnet["network_id"], "fixed_ips": [address],
                                                   "device_owner": OWNER, "device_id": f"lb-{id}", "admin_state_up": False})
        except Refusal as r:
            raise Refusal(500, f"Provider 'octavia' reports error: {r.message}") from r
        self.all[id] = o = {
            "id": id, "name": body.get("name", ""), "description": body.get("description", ""), "provisioning_status": "PENDING_CREATE",
            "operating_status": "OFFLINE", "admin_state_up": True, "project_id": self.cloud.project, "created_at": stamp(), "updated_at": None,
            "vip_address": body["vip_address"], "vip_port_id": port["id"], "vip_subnet_id": subnet["id"], "vip_network_id": subnet["network_id"],
            "additional_vips": [], "provider": "octavia", "flavor_id": None, "vip_qos_policy_id": None, "tags": [], "availability_zone": None,
            "~at": now() + CHANGE}
        return answer(201, {"loadbalancer": self.shown(o)})

    def delete(self, request, id):
        o = self.find(id)
        if self.parts["listener"].where(**{"~balancer": id}) and request.query.get("cascade") != ["true"]:
            raise Refusal(400, f"Validation failure: Cannot delete Load Balancer {id} - it has children")
        self.begin(o, "PENDING_DELETE")
        return answer(204)

    def status(self, request, id):
        o = self.find(id)

        def told(part, *more):
            return {k: part[k] for k in ("id", "name", *more)} | {k: o[k] for k in ("provisioning_status", "operating_status")}

        def pool(p):
            monitors = [told(m, "type") for m in self.parts["healthmonitor"].where(**{"~parent": p["id"]})]
            members = [told(m, "address", "protocol_port") for m in p["~members"]]
            return told(p) | {"members": members} | ({"health_monitor": monitors[0]} if monitors else {})

        listeners = [told(part) | {"pools": [pool(p) for p in self.parts["pool"].where(**{"~parent": part["id"]})]}
                     for part in self.parts["listener"].where(**{"~balancer": id})]
        return answer(200, {"statuses": {"loadbalancer": told(o) | {"listeners": listeners}}})

    # ---- their parts: a listener of the load balancer, a pool of that, a monitor of that ----

    def find_part(self, kind, id):
        name = {"healthmonitor": "Health Monitor"}.get(kind, kind.capitalize())
        return self.parts[kind].get_or(id, Refusal(404, f"{name} {id} not found."))

    def parent(self, kind, body):
        """Of a new part: (the load balancer, the part that it belongs to)."""
        if kind == "listener":
            balancer = self.find(body["loadbalancer_id"])
            return balancer, balancer
        above = self.find_part("listener" if kind == "pool" else "pool", body["listener_id" if kind == "pool" else "pool_id"])
        return self.find(above["~balancer"]), above

    def refuse_twin(self, kind, above, body):
        twins = self.parts[kind].where(**{"~parent": above["id"]})
        if kind == "listener" and any(t["protocol_port"] == body["protocol_port"] for t in twins):
            raise Refusal(409, f"Another Listener on this Load Balancer is already using protocol TCP and protocol_port {body['protocol_port']}")
        if kind == "pool" and twins:
            raise Refusal(409, "This listener already has a default pool")
        if kind == "healthmonitor" and twins:
            raise Refusal(409, "This pool already has a health monitor")

    def add_part(self, request, collection):
        kind = PARTS[collection]
        body = request.json()[kind]
        balancer, above = self.parent(kind, body)
        if kind != "listener":  # of a pool and of a monitor octavia looks at that first
            self.refuse_twin(kind, above, body)
        self.begin(balancer, "PENDING_UPDATE")
        try:
            self.refuse_twin(kind, above, body)
        except Refusal:
            balancer["provisioning_status"] = "ACTIVE"  # its transaction is undone
            raise
        o = {k: v for k, v in body.items() if not k.endswith("_id")} | {
            "id": self.cloud.id(), "admin_state_up": True, "project_id": self.cloud.project, "created_at": stamp(), "updated_at": None,
            "~balancer": balancer["id"], "~parent": above["id"], "~members": []}
        self.parts[kind][o["id"]] = o
        return answer(201, {kind: self.shown_part(o)})

    def shown_part(self, o):
        status = self.all[o["~balancer"]]
        return {k: v for k, v in o.items() if not k.startswith("~")} | {
            "provisioning_status": status["provisioning_status"].replace("UPDATE", "CREATE"), "operating_status": "OFFLINE"}

    def show_part(self, request, collection, id):
        return answer(200, {PARTS[collection]: self.shown_part(self.find_part(PARTS[collection], id))})

    def update_listener(self, request, id):
        o = self.find_part("listener", id)
        self.begin(self.find(o["~balancer"]), "PENDING_UPDATE")
        o |= request.json()["listener"] | {"updated_at": stamp()}
        return answer(200, {"listener": self.shown_part(o)})

    def update_members(self, request, id):
        o = self.find_part("pool", id)
        self.begin(self.find(o["~balancer"]), "PENDING_UPDATE")
        o["~members"] = [{"name": ""} | m | {"id": self.cloud.id()} for m in request.json()["members"]]
        return answer(202)

    # ---- the rest ----

    def quotas(self, request):
        return answer(200, {"quota": QUOTA})

    def providers(self, request):
        return answer(200, {"providers": [{"name": "octavia", "description": "of this simulation"}]})

    def refuse(self, r):
        return {"faultcode": "Client" if r.status < 500 else "Server", "faultstring": r.message, "debuginfo": None}
