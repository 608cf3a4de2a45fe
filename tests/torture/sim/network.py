"""Neutron: networks, subnets, routers, security groups, ports, floating IPs, and what holds what."""
import ipaddress

from .base import Refusal, Service, Things, matches, stamp
from wire import answer

PREFIX = "/v2.0"
QUOTA = {"network": 100, "subnet": 100, "router": 10, "port": 500, "floatingip": 50, "security_group": 10, "security_group_rule": 100}
COLLECTIONS = {"networks": "network", "subnets": "subnet", "routers": "router", "ports": "port", "floatingips": "floatingip",
               "security-groups": "security_group", "security-group-rules": "security_group_rule"}
INTERFACE = "network:router_interface"


class Network(Service):
    routes = (
        ("GET", f"{PREFIX}/extensions", "extensions"),
        ("GET", f"{PREFIX}/quotas/[^/]+/details(?:\\.json)?", "quotas"),
        ("GET", f"{PREFIX}/availability_zones", "zones"),
        ("GET", f"{PREFIX}/network-ip-availabilities", "availabilities"),
        ("PUT", f"{PREFIX}/routers/([^/]+)/add_router_interface", "add_interface"),
        ("PUT", f"{PREFIX}/routers/([^/]+)/remove_router_interface", "remove_interface"),
        ("GET", f"{PREFIX}/({'|'.join(COLLECTIONS)})", "list"),
        ("POST", f"{PREFIX}/({'|'.join(COLLECTIONS)})", "create"),
        ("GET", f"{PREFIX}/({'|'.join(COLLECTIONS)})/([^/]+)", "show"),
        ("PUT", f"{PREFIX}/({'|'.join(COLLECTIONS)})/([^/]+)", "update"),
        ("DELETE", f"{PREFIX}/({'|'.join(COLLECTIONS)})/([^/]+)", "delete"),
    )

    def __init__(self, cloud):
        super().__init__(cloud)
        self.things = {kind: Things() for kind in COLLECTIONS.values()}
        self.next_floating = 10
        self.external = self.add("network", {"name": "public", "router:external": True}, project="admin")
        self.add("security_group", {"name": "default", "description": "Default security group"})

    # ---- what each kind gets besides what it was asked for ----

    def add(self, kind, fields, project=None):
        project = project or self.cloud.project
        o = {"id": self.cloud.id(), "name": "", "description": "", "tenant_id": project, "project_id": project,
             "created_at": stamp(), "updated_at": stamp(), "revision_number": 1, "tags": []}
        o |= getattr(self, f"new_{kind}")(o, fields)
        self.things[kind][o["id"]] = o
        return o

    def new_network(self, o, f):
        return {"admin_state_up": True, "status": "ACTIVE", "subnets": [], "shared": False, "mtu": 1450, "port_security_enabled": True,
                "router:external": False, "availability_zones": [], "availability_zone_hints": [], "ipv4_address_scope": None,
                "ipv6_address_scope": None} | f

    def new_subnet(self, o, f):
        network = self.find("network", f["network_id"])
        cidr = ipaddress.ip_network(f["cidr"])
        for other in self.things["subnet"].where(network_id=network["id"]):
            if cidr.overlaps(ipaddress.ip_network(other["cidr"])):
                raise Refusal(400, f"Invalid input for operation: Requested subnet with cidr: {cidr} for network: {network['id']} "
                              "overlaps with another subnet.", "InvalidInput")
        network["subnets"].append(o["id"])
        return {"enable_dhcp": True, "dns_nameservers": [], "host_routes": [], "gateway_ip": str(cidr[1]), "ipv6_ra_mode": None,
                "ipv6_address_mode": None, "subnetpool_id": None, "service_types": [],
                "allocation_pools": [{"start": str(cidr[2]), "end": str(cidr[-2])}]} | f

    def new_router(self, o, f):
        gateway = f.get("external_gateway_info")
        if gateway:
            self.find("network", gateway["network_id"])
            gateway = {"enable_snat": True, "external_fixed_ips": []} | gateway
        return {"admin_state_up": True, "status": "ACTIVE", "routes": [], "flavor_id": None,
                "availability_zones": [], "availability_zone_hints": []} | f | {"external_gateway_info": gateway}

    def new_security_group(self, o, f):
        for ethertype in ("IPv4", "IPv6"):
            rule = self.add("security_group_rule", {"security_group_id": o["id"], "direction": "egress", "ethertype": ethertype,
                                                    "~group_is_new": True})
            o.setdefault("security_group_rules", []).append(rule)
        return {"stateful": True, "shared": False} | f

    def new_security_group_rule(self, o, f):
        new_group = f.pop("~group_is_new", False)
        rule = {"port_range_min": None, "port_range_max": None, "protocol": None, "remote_group_id": None, "remote_ip_prefix": None,
                "remote_address_group_id": None, "ethertype": "IPv4", "description": ""} | f
        o.pop("name"), o.pop("tags")
        if new_group:
            return rule
        group = self.find("security_group", rule["security_group_id"])
        if rule["remote_group_id"]:
            self.find("security_group", rule["remote_group_id"])
        key = ("direction", "ethertype", "protocol", "port_range_min", "port_range_max", "remote_group_id", "remote_ip_prefix")
        for had in group["security_group_rules"]:
            if all(had[k] == rule[k] for k in key):
                raise Refusal(409, f"Security group rule already exists. Rule id is {had['id']}.", "SecurityGroupRuleExists")
        group["security_group_rules"].append(o)
        return rule

    def new_port(self, o, f):
        network = self.find("network", f["network_id"])
        for ip in f.get("fixed_ips") or []:
            subnet = self.find("subnet", ip["subnet_id"])
            if ipaddress.ip_address(ip["ip_address"]) not in ipaddress.ip_network(subnet["cidr"]):
                raise Refusal(400, f"IP address {ip['ip_address']} is not a valid IP for the specified subnet.", "InvalidIpForSubnet")
            if any(ip in p["fixed_ips"] for p in self.things["port"].where(network_id=network["id"])):
                raise Refusal(409, f"IP address {ip['ip_address']} already allocated in subnet {subnet['id']}", "IpAddressAlreadyAllocated")
        if "fixed_ips" not in f:
            f = f | {"fixed_ips": self.choose(network)}
        groups = f.get("security_groups")
        if groups is None:
            groups = [self.things["security_group"].where(project_id=o["project_id"], name="default")[0]["id"]]
        for id in groups:
            self.find("security_group", id)
        return {"admin_state_up": True, "status": "DOWN", "device_id": "", "device_owner": "", "mac_address": "fa:16:3e:00:00:00",
                "fixed_ips": [], "allowed_address_pairs": [], "extra_dhcp_opts": [], "binding:vnic_type": "normal",
                "port_security_enabled": True} | f | {"security_groups": groups}

    def choose(self, network):
        """Where the body says nothing of addresses: one of the first subnet."""
        subnet = next(iter(self.things["subnet"].where(network_id=network["id"])), None)
        if subnet is None:
            return []
        taken = [ip["ip_address"] for p in self.things["port"].where(network_id=network["id"]) for ip in p["fixed_ips"]]
        free = (str(a) for a in ipaddress.ip_network(subnet["cidr"]).hosts() if str(a) not in [*taken, subnet["gateway_ip"]])
        return [{"subnet_id": subnet["id"], "ip_address": next(free)}]

    def new_floatingip(self, o, f):
        network = self.find("network", f["floating_network_id"])
        if not network["router:external"]:
            raise Refusal(400, f"Bad floatingip request: Network {network['id']} is not a valid external network.", "BadRequest")
        o.pop("name")
        address, self.next_floating = f"172.24.4.{self.next_floating}", self.next_floating + 1
        f = {"port_id": None} | f
        return {"floating_ip_address": address, "status": "DOWN", "port_details": None} | f | self.where_to(f["port_id"])

    def where_to(self, port_id, own=None):
        """What a floating IP says of the port that it points to."""
        if port_id is None:
            return {"fixed_ip_address": None, "router_id": None}
        port = self.find("port", port_id)
        if any(f["id"] != own for f in self.things["floatingip"].where(port_id=port_id)):
            raise Refusal(409, f"Cannot associate floating IP with port {port_id} (other port using fixed IP), as that fixed IP already "
                          "has a floating IP on external network.", "FloatingIPPortAlreadyAssociated")
        subnet = port["fixed_ips"][0]["subnet_id"]
        for interface in self.things["port"].where(device_owner=INTERFACE):
            router = self.things["router"][interface["device_id"]]
            if interface["fixed_ips"][0]["subnet_id"] == subnet and router["external_gateway_info"]:
                return {"fixed_ip_address": port["fixed_ips"][0]["ip_address"], "router_id": router["id"]}
        raise Refusal(404, f"External network {self.external['id']} is not reachable from subnet {subnet}.  Therefore, cannot associate "
                      f"Port {port_id} with a Floating IP.", "ExternalGatewayForFloatingIPNotFound")

    # ---- the calls ----

    def find(self, kind, id):
        name = "".join(w.capitalize() for w in kind.split("_"))
        name = {"Floatingip": "FloatingIP"}.get(name, name)
        return self.things[kind].get_or(id, Refusal(404, f"{name} {id} could not be found.", f"{name}NotFound"))

    def list(self, request, collection):
        kind = COLLECTIONS[collection]
        mine = [o for o in self.things[kind].values() if o["project_id"] == self.cloud.project or o.get("router:external")]
        return answer(200, {collection.replace("-", "_"): [o for o in mine if matches(o, request.query)]})

    def show(self, request, collection, id):
        return answer(200, {COLLECTIONS[collection]: self.find(COLLECTIONS[collection], id)})

    def check_quota(self, kind, more):
        if len(self.things[kind].where(project_id=self.cloud.project)) + more > QUOTA[kind]:
            raise Refusal(409, f"Quota exceeded for resources: ['{kind}'].", "OverQuota")

    def create(self, request, collection):
        kind, body = COLLECTIONS[collection], request.json()
        many = body.get(collection.replace("-", "_"))
        wanted = many if many is not None else [body[kind]]
        self.check_quota(kind, len(wanted))
        if kind == "security_group_rule" and len({w["security_group_id"] for w in wanted}) > 1:
            raise Refusal(400, "Only allowed to update rules for one security profile at a time", "SecurityGroupNotSingleGroupRules")
        made = []
        try:
            for fields in wanted:
                made.append(self.add(kind, fields))
        except Refusal:  # all or nothing
            for o in made:
                self.drop(kind, o)
            raise
        if many is None:
            return answer(201, {kind: made[0]})
        for o in made if kind == "port" else ():
            o["allowed_address_pairs"] = []  # as neutron does, up to 21 at least
        return answer(201, {collection.replace("-", "_"): made})

    def update(self, request, collection, id):
        kind = COLLECTIONS[collection]
        o, fields = self.find(kind, id), request.json()[kind]
        if kind == "floatingip" and "port_id" in fields:
            o |= self.where_to(fields["port_id"], own=id)
        if kind == "port":
            for group in fields.get("security_groups", []):
                self.find("security_group", group)
        o |= fields | {"revision_number": o["revision_number"] + 1, "updated_at": stamp()}
        return answer(200, {kind: o})

    def add_interface(self, request, id):
        router, body = self.find("router", id), request.json()
        if "port_id" not in body:
            raise Refusal(400, "this simulation takes a port only", "BadRequest")
        port = self.find("port", body["port_id"])
        if port["device_id"]:
            raise Refusal(409, f"Unable to complete operation on port {port['id']} for network {port['network_id']}. Port already has an "
                          f"attached device {port['device_id']}.", "PortInUse")
        subnet = port["fixed_ips"][0]["subnet_id"]
        for other in self.things["port"].where(device_id=id, device_owner=INTERFACE):
            if other["fixed_ips"][0]["subnet_id"] == subnet:
                raise Refusal(400, f"Bad router request: Router already has a port on subnet {subnet}.", "BadRequest")
        port |= {"device_id": id, "device_owner": INTERFACE, "status": "ACTIVE"}
        return answer(200, self.interface(router, port))

    def interface(self, router, port):
        subnet = port["fixed_ips"][0]["subnet_id"]
        return {"id": router["id"], "tenant_id": router["project_id"], "port_id": port["id"], "network_id": port["network_id"],
                "subnet_id": subnet, "subnet_ids": [subnet]}

    def remove_interface(self, request, id):
        router, port_id = self.find("router", id), request.json()["port_id"]
        port = self.things["port"].get(port_id)
        if port is None or port["device_id"] != id:
            raise Refusal(404, f"Router {id} does not have an interface with id {port_id}", "RouterInterfaceNotFound")
        subnet = port["fixed_ips"][0]["subnet_id"]
        for f in self.things["floatingip"].where(router_id=id):
            if self.things["port"][f["port_id"]]["fixed_ips"][0]["subnet_id"] == subnet:
                raise Refusal(409, f"Router interface for subnet {subnet} on router {id} cannot be deleted, as it is required by one or "
                              "more floating IPs.", "RouterInterfaceInUseByFloatingIP")
        answered = answer(200, self.interface(router, port))
        del self.things["port"][port_id]
        return answered

    # ---- deletion ----

    def delete(self, request, collection, id):
        kind = COLLECTIONS[collection]
        o = self.find(kind, id)
        getattr(self, f"hold_{kind}", lambda o: None)(o)
        self.drop(kind, o)
        return answer(204)

    def hold_network(self, o):
        if self.things["port"].where(network_id=o["id"]):
            raise Refusal(409, f"Unable to complete operation on network {o['id']}. There are one or more ports still in use on the network.",
                          "NetworkInUse")

    def hold_subnet(self, o):
        if any(o["id"] == ip["subnet_id"] for p in self.things["port"].values() for ip in p["fixed_ips"]):
            raise Refusal(409, f"Unable to complete operation on subnet {o['id']}: One or more ports have an IP allocation from this subnet.",
                          "SubnetInUse")

    def hold_router(self, o):
        if self.things["port"].where(device_id=o["id"]):
            raise Refusal(409, f"Router {o['id']} still has ports", "RouterInUse")

    def hold_port(self, o):
        if o["device_owner"] == INTERFACE:
            raise Refusal(409, f"Port {o['id']} cannot be deleted directly via the port API: has device owner {INTERFACE}.", "ServicePortInUse")

    def hold_security_group(self, o):
        if o["name"] == "default" or any(o["id"] in p["security_groups"] for p in self.things["port"].values()):
            raise Refusal(409, f"Security Group {o['id']} in use.", "SecurityGroupInUse")

    def drop(self, kind, o):
        del self.things[kind][o["id"]]
        if kind == "network":
            for subnet in self.things["subnet"].where(network_id=o["id"]):
                del self.things["subnet"][subnet["id"]]
        elif kind == "subnet":
            self.things["network"][o["network_id"]]["subnets"].remove(o["id"])
        elif kind == "port":
            for f in self.things["floatingip"].where(port_id=o["id"]):
                f |= {"port_id": None, "fixed_ip_address": None, "router_id": None}
        elif kind == "security_group":
            for rule in o["security_group_rules"]:
                del self.things["security_group_rule"][rule["id"]]
            for group in self.things["security_group"].values():  # rules that name it go as well
                for rule in [r for r in group["security_group_rules"] if r["remote_group_id"] == o["id"]]:
                    group["security_group_rules"].remove(rule)
                    del self.things["security_group_rule"][rule["id"]]
        elif kind == "security_group_rule":
            self.things["security_group"][o["security_group_id"]]["security_group_rules"].remove(o)

    # ---- the rest ----

    def extensions(self, request):
        return answer(200, {"extensions": [{"alias": a, "name": a, "description": "", "links": [], "updated": "2015-01-01T10:00:00-00:00"}
                                           for a in ("router", "external-net", "security-group", "allowed-address-pairs", "quota_details",
                                                     "extra_dhcp_opt", "port-security", "quotas", "availability_zone", "standard-attr-description")]})

    def quotas(self, request):
        return answer(200, {"quota": {k: {"limit": v, "used": len(self.things[k].where(project_id=self.cloud.project)), "reserved": 0}
                                      for k, v in QUOTA.items()}})

    def availabilities(self, request):
        return answer(200, {"network_ip_availabilities": []})

    def zones(self, request):
        return answer(200, {"availability_zones": [{"name": "nova", "resource": r, "state": "available"} for r in ("network", "router")]})

    def refuse(self, r):
        return {"NeutronError": {"type": r.type or "HTTPNotFound", "message": r.message, "detail": ""}}
