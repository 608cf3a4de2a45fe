"""Nova: keypairs of the user, server groups, servers that take a moment to be built and to go."""
import base64
import re

from .base import Refusal, Service, Things, now, stamp
from wire import answer

BIND, BUILD, GO = 0.1, 0.3, 0.2  # seconds
QUOTA = {"instances": 10, "cores": 20, "ram": 51200}
FLAVORS = (("m1.tiny", 1, 512, 1), ("m1.small", 1, 2048, 20), ("m1.medium", 2, 4096, 40))


class Compute(Service):
    routes = (
        ("GET", "", "version"),
        ("GET", "/flavors/detail", "flavors"),
        ("GET", "/limits", "limits"),
        ("GET", "/os-availability-zone", "zones"),
        ("GET", "/os-keypairs", "keypairs"),
        ("POST", "/os-keypairs", "create_keypair"),
        ("GET", "/os-keypairs/([^/]+)", "show_keypair"),
        ("DELETE", "/os-keypairs/([^/]+)", "delete_keypair"),
        ("GET", "/os-server-groups", "groups"),
        ("POST", "/os-server-groups", "create_group"),
        ("GET", "/os-server-groups/([^/]+)", "show_group"),
        ("DELETE", "/os-server-groups/([^/]+)", "delete_group"),
        ("GET", "/servers/detail", "servers"),
        ("POST", "/servers", "create"),
        ("GET", "/servers/([^/]+)", "show"),
        ("DELETE", "/servers/([^/]+)", "delete"),
        ("POST", "/servers/([^/]+)/action", "act"),
        ("POST", "/servers/([^/]+)/os-volume_attachments", "attach"),
        ("POST", "/servers/([^/]+)/os-interface", "plug"),
    )

    def __init__(self, cloud):
        super().__init__(cloud)
        self.pairs, self.server_groups, self.all = Things(), Things(), Things()
        self.user_data = []  # of every server that ever was
        self.flavor_list = [
            {"id": cloud.id(), "name": name, "vcpus": vcpus, "ram": ram, "disk": disk, "swap": "", "links": [],
             "OS-FLV-EXT-DATA:ephemeral": 0, "OS-FLV-DISABLED:disabled": False, "os-flavor-access:is_public": True, "rxtx_factor": 1.0}
            for name, vcpus, ram, disk in FLAVORS]

    # ---- time ----

    def settle(self):
        for o in list(self.all.values()):
            if o["OS-EXT-STS:task_state"] == "deleting":
                if o["~at"] <= now():
                    self.gone(o)
            elif o["status"] == "BUILD":
                self.build(o, now() - o["~born"])

    def build(self, o, age):
        if age >= BIND and not o["~bound"]:
            ports = [self.cloud.network.things["port"].get(id) for id in o["~ports"]]
            if any(port is None or port["device_id"] not in ("", o["id"]) for port in ports):
                return self.fail(o, f"Build of instance {o['id']} aborted: one of the ports {o['~ports']} is not usable")
            o["~bound"] = True
            for port in ports:
                port |= {"device_id": o["id"], "device_owner": "compute:nova", "status": "ACTIVE"}
            for volume in self.volumes_of(o):
                self.cloud.volume.attach(volume, o["id"])
        if age >= BUILD:
            o |= {"status": "ACTIVE", "OS-EXT-STS:task_state": None, "OS-EXT-STS:vm_state": "active", "OS-SRV-USG:launched_at": stamp()}
        return None

    def fail(self, o, message):
        o |= {"status": "ERROR", "OS-EXT-STS:task_state": None, "OS-EXT-STS:vm_state": "error",
              "fault": {"code": 500, "created": stamp(), "message": message}}

    def volumes_of(self, o):
        return [self.cloud.volume.volumes[id] for id in o["~volumes"] if id in self.cloud.volume.volumes]

    def gone(self, o):
        del self.all[o["id"]]
        for port in self.cloud.network.things["port"].where(device_id=o["id"]):
            port |= {"device_id": "", "device_owner": "", "status": "DOWN"}
        for volume in self.volumes_of(o):
            volume |= {"status": "available", "attachments": []}
        for group in self.server_groups.values():
            group["members"] = [m for m in group["members"] if m != o["id"]]

    # ---- servers ----

    def shown(self, o):
        return {k: v for k, v in o.items() if not k.startswith("~")}

    def find(self, id):
        return self.all.get_or(id, Refusal(404, f"Instance {id} could not be found."))

    def servers(self, request):
        name = re.compile(request.query.get("name", [""])[0])
        return answer(200, {"servers": [self.shown(o) for o in self.all.values() if name.search(o["name"])]})

    def show(self, request, id):
        return answer(200, {"server": self.shown(self.find(id))})

    def used(self):
        flavors = [f for o in self.all.values() for f in self.flavor_list if f["id"] == o["flavor"]["id"]]
        return {"instances": len(self.all), "cores": sum(f["vcpus"] for f in flavors), "ram": sum(f["ram"] for f in flavors)}

    def check_quota(self, flavor):
        used = self.used()
        for key, more in (("instances", 1), ("cores", flavor["vcpus"]), ("ram", flavor["ram"])):
            if used[key] + more > QUOTA[key]:
                raise Refusal(403, f"Quota exceeded for {key}: Requested {more}, but already used {used[key]} of {QUOTA[key]} {key}")

    def check_ports(self, body):
        ids = [network["port"] for network in body["networks"]]
        for id in ids:
            port = self.cloud.network.things["port"].get(id)
            if port is None:
                raise Refusal(400, f"Port id {id} could not be found.")
            if port["device_id"]:
                raise Refusal(409, f"Port {id} is still in use.")
        return ids

    def check_volumes(self, body):
        """Takes them, as nova does before it answers."""
        found = []
        for disk in body.get("block_device_mapping_v2") or []:
            if disk["source_type"] != "volume":
                continue
            volume = self.cloud.volume.volumes.get(disk["uuid"])
            if volume is None or volume["status"] != "available":
                raise Refusal(400, f"Block Device Mapping is Invalid: failed to get volume {disk['uuid']}.")
            found.append(volume)
        for volume in found:
            volume["status"] = "reserved"
        return [v["id"] for v in found]

    def create(self, request):
        whole = request.json()
        body = whole["server"]
        flavor = next((f for f in self.flavor_list if f["id"] == body.get("flavorRef")), None)
        if flavor is None:
            raise Refusal(400, f"Flavor {body.get('flavorRef')} could not be found.")
        if body.get("imageRef") and body["imageRef"] not in [i["id"] for i in self.cloud.image.all]:
            raise Refusal(400, f"Can not find requested image")
        if body.get("key_name") and body["key_name"] not in self.pairs:
            raise Refusal(400, "Invalid key_name provided.")
        version = request.headers.get("openstack-api-version", "compute 2.1").split()[-1].split(".")
        if "tags" in body and [int(n) for n in version] < [2, 52]:
            raise Refusal(400, "Invalid input for field/attribute server. Additional properties are not allowed ('tags' was unexpected)")
        self.check_quota(flavor)
        ports, volumes = self.check_ports(body), self.check_volumes(body)
        o = self.new_server(body, flavor, ports, volumes)
        if body.get("user_data"):
            self.user_data.append(base64.b64decode(body["user_data"]).decode())
        group = self.server_groups.get((whole.get("os:scheduler_hints") or {}).get("group"))
        if group:
            group["members"].append(o["id"])
        return answer(202, {"server": {"id": o["id"], "links": [], "OS-DCF:diskConfig": "MANUAL",
                                       "security_groups": [{"name": "default"}], "adminPass": "q7HkL2mVw9Zx"}})

    def new_server(self, body, flavor, ports, volumes):
        o = {
            "id": self.cloud.id(), "name": body["name"], "status": "BUILD", "metadata": body.get("metadata") or {},
            "tenant_id": self.cloud.project, "user_id": self.cloud.user, "flavor": {"id": flavor["id"], "links": []},
            "image": {"id": body["imageRef"], "links": []} if body.get("imageRef") else "",
            "key_name": body.get("key_name"), "created": stamp(), "updated": stamp(), "addresses": {}, "links": [], "progress": 0,
            "accessIPv4": "", "accessIPv6": "", "config_drive": "", "hostId": "", "OS-DCF:diskConfig": "MANUAL",
            "OS-EXT-STS:task_state": "scheduling", "OS-EXT-STS:vm_state": "building", "OS-EXT-STS:power_state": 0,
            "OS-EXT-AZ:availability_zone": "nova", "OS-SRV-USG:launched_at": None, "OS-SRV-USG:terminated_at": None,
            "os-extended-volumes:volumes_attached": [{"id": v} for v in volumes], "~born": now(), "~ports": ports, "~volumes": volumes,
            "~bound": False,
        }
        self.all[o["id"]] = o
        return o

    def delete(self, request, id):
        o = self.find(id)
        if o["OS-EXT-STS:task_state"] != "deleting":
            o |= {"OS-EXT-STS:task_state": "deleting", "~at": now() + GO}
        return answer(204)

    def act(self, request, id):
        o, action = self.find(id), next(iter(request.json()))
        wanted = {"os-start": "SHUTOFF", "unpause": "PAUSED", "resume": "SUSPENDED"}.get(action)
        if wanted is None:
            raise Refusal(400, f"There is no such action: {action}")
        if o["status"] != wanted:
            raise Refusal(409, f"Cannot '{action}' instance {id} while it is in vm_state {o['OS-EXT-STS:vm_state']}")
        o |= {"status": "ACTIVE", "OS-EXT-STS:vm_state": "active"}
        return answer(202)

    def attach(self, request, id):
        o, volume_id = self.find(id), request.json()["volumeAttachment"]["volumeId"]
        volume = self.cloud.volume.find(volume_id)
        if volume["status"] != "available":
            raise Refusal(400, f"Invalid volume: volume {volume_id} status must be 'available'.")
        self.cloud.volume.attach(volume, id)
        o["~volumes"].append(volume_id)
        return answer(200, {"volumeAttachment": {"id": volume_id, "volumeId": volume_id, "serverId": id, "device": "/dev/vdb"}})

    def plug(self, request, id):
        o, port = self.find(id), self.cloud.network.find("port", request.json()["interfaceAttachment"]["port_id"])
        if port["device_id"]:
            raise Refusal(400, f"Port {port['id']} is still in use.")
        port |= {"device_id": o["id"], "device_owner": "compute:nova", "status": "ACTIVE"}
        return answer(200, {"interfaceAttachment": {"port_id": port["id"], "net_id": port["network_id"], "port_state": "ACTIVE",
                                                    "fixed_ips": port["fixed_ips"], "mac_addr": port["mac_address"]}})

    # ---- keypairs and server groups ----

    def keypairs(self, request):
        return answer(200, {"keypairs": [{"keypair": {k: p[k] for k in ("name", "public_key", "fingerprint")}} for p in self.pairs.values()]})

    def show_keypair(self, request, name):
        pair = self.pairs.get_or(name, Refusal(404, f"Keypair {name} not found for user {self.cloud.user}"))
        return answer(200, {"keypair": {k: pair[k] for k in ("name", "public_key", "fingerprint")}})

    def create_keypair(self, request):
        body = request.json()["keypair"]
        if body["name"] in self.pairs:
            raise Refusal(409, f"Key pair '{body['name']}' already exists.")
        pair = {"name": body["name"], "public_key": body["public_key"], "fingerprint": "aa:bb", "type": "ssh"}
        self.pairs[body["name"]] = pair
        return answer(201, {"keypair": pair | {"user_id": self.cloud.user}})

    def delete_keypair(self, request, name):
        self.pairs.get_or(name, Refusal(404, f"Keypair {name} not found for user {self.cloud.user}"))
        del self.pairs[name]
        return answer(202)

    def groups(self, request):
        return answer(200, {"server_groups": list(self.server_groups.values())})

    def create_group(self, request):
        body = request.json()["server_group"]
        group = {"id": self.cloud.id(), "name": body["name"], "policies": body["policies"], "members": [], "metadata": {},
                 "project_id": self.cloud.project, "user_id": self.cloud.user}
        self.server_groups[group["id"]] = group
        return answer(200, {"server_group": group})

    def show_group(self, request, id):
        return answer(200, {"server_group": self.server_groups.get_or(id, Refusal(404, f"Instance group {id} could not be found."))})

    def delete_group(self, request, id):
        self.server_groups.get_or(id, Refusal(404, f"Instance group {id} could not be found."))
        del self.server_groups[id]
        return answer(204)

    # ---- the rest ----

    def version(self, request):
        return answer(200, {"version": {"id": "v2.1", "status": "CURRENT", "version": "2.93", "min_version": "2.1", "links": []}})

    def flavors(self, request):
        return answer(200, {"flavors": self.flavor_list})

    def limits(self, request):
        used = self.used()
        return answer(200, {"limits": {"rate": [], "absolute": {
            "maxTotalInstances": QUOTA["instances"], "maxTotalCores": QUOTA["cores"], "maxTotalRAMSize": QUOTA["ram"],
            "totalInstancesUsed": used["instances"], "totalCoresUsed": used["cores"], "totalRAMUsed": used["ram"],
            "maxServerGroups": 10, "maxServerGroupMembers": 10, "totalServerGroupsUsed": len(self.server_groups),
            "maxTotalKeypairs": 100, "maxServerMeta": 128}}})

    def zones(self, request):
        return answer(200, {"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}]})

    def refuse(self, r):
        name = {400: "badRequest", 403: "forbidden", 404: "itemNotFound", 409: "conflictingRequest"}.get(r.status, "computeFault")
        return {name: {"code": r.status, "message": r.message}}
