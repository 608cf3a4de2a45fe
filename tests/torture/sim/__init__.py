"""
A cloud in memory: what davit needs of Keystone, Nova, Neutron, Glance, Cinder and Octavia, with the rules that its recovery depends on.
Cloud.handle() is one request, without I/O.  tests/torture/conform asks it and a real cloud the same, and compares the answers.
"""
import json
import uuid

from .balancer import OWNER, Balancer
from .base import Refusal
from .compute import Compute
from .identity import Identity
from .image import Image
from .network import Network
from .volume import Volume
from wire import Response, answer


VERSIONS = {  # what the roots of services say
    "/compute": {"id": "v2.1", "status": "CURRENT", "version": "2.93", "min_version": "2.1", "links": []},
    "/volume": {"id": "v3.0", "status": "CURRENT", "version": "3.70", "min_version": "3.0", "links": []},
}


class Cloud:
    def __init__(self):
        self.origin = ""  # http://HOST:PORT, as the catalog names it
        self.user, self.project = uuid.uuid4().hex, uuid.uuid4().hex
        self.identity, self.image, self.network = Identity(self), Image(self), Network(self)
        self.volume, self.compute, self.balancer = Volume(self), Compute(self), Balancer(self)
        self.requests = 0
        self.inhabit()

    def id(self):
        return str(uuid.uuid4())

    def inhabit(self):
        """Things of others in the same project, which nobody may touch."""
        network = self.network.add("network", {"name": "demo", "description": "another's, of the same name"})
        subnet = self.network.add("subnet", {"name": "demo", "network_id": network["id"], "cidr": "10.6.0.0/24", "ip_version": 4})
        port = self.network.add("port", {"name": "demo-workers-1", "network_id": network["id"], "fixed_ips": [
            {"subnet_id": subnet["id"], "ip_address": "10.6.0.9"}]})
        storage = self.network.add("network", {"name": "storage"})
        self.network.add("subnet", {"name": "storage", "network_id": storage["id"], "cidr": "10.9.0.0/24", "ip_version": 4, "gateway_ip": None})
        self.network.add("floatingip", {"floating_network_id": self.network.external["id"]})
        self.compute.pairs["mine"] = {"name": "mine", "public_key": "ssh-ed25519 AAAA me", "fingerprint": "cc:dd", "type": "ssh"}
        server = self.compute.new_server({"name": "demo-cp-9"}, self.compute.flavor_list[0], [port["id"]], [])
        server |= {"status": "ACTIVE", "OS-EXT-STS:task_state": None}
        port |= {"device_id": server["id"], "device_owner": "compute:nova"}

    def settle(self):
        for service in (self.compute, self.volume, self.balancer):
            service.settle()

    def handle(self, request):
        self.requests += 1
        self.settle()
        if request.path.rstrip("/") in VERSIONS:
            return answer(200, {"versions": [VERSIONS[request.path.rstrip("/")]]})
        for prefix, service in (("/identity", self.identity), ("/compute/v2.1", self.compute), ("/network", self.network),
                                ("/image", self.image), ("/volume", self.volume), ("/load-balancer", self.balancer)):
            if request.path.startswith(prefix):
                return self.serve(service, request, request.path.removeprefix(prefix))
        return answer(404, {"message": "no such service"})

    def serve(self, service, request, path):
        try:
            if service is not self.identity:
                self.identity.authenticate(request)
            return service.handle(request, path)
        except Refusal as r:
            if r.status == 401:  # the middleware's, alike in all services
                return answer(401, self.identity.refuse(r), WWW_Authenticate="Keystone uri=\"\"")
            body = service.refuse(r)
            if isinstance(body, str):
                return Response(r.status, body.encode(), {"Content-Type": "text/html"} | r.headers)
            return Response(r.status, json.dumps(body).encode(), {"Content-Type": "application/json"} | r.headers)

    def revoke(self, token):
        """As its owner would, from elsewhere."""
        self.identity.tokens.pop(token, None)

    def listing(self):
        """A line for everything in the project, sorted."""
        self.settle()
        lines = [f"{'address' if o.get('device_owner') == OWNER else kind} {o.get('name', o.get('floating_ip_address', ''))} {o['id']}"
                 for kind, things in self.network.things.items() for o in things.values()]
        lines += [f"keypair {name}" for name in self.compute.pairs]
        lines += [f"server group {o['name']} {o['id']}" for o in self.compute.server_groups.values()]
        lines += [f"server {o['name']} {o['id']}" for o in self.compute.all.values()]
        lines += [f"volume {o['name']} {o['id']}" for o in self.volume.volumes.values()]
        lines += [f"load balancer {o['name']} {o['id']}" for o in self.balancer.all.values()]
        return sorted(lines)
