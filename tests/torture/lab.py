"""A real cloud in the simulation's place: the same cases, a few of them, since each takes its minute there; in a project with nobody else in it."""
import base64
import json
import re
import secrets
from types import SimpleNamespace

import cases
from upstream import Upstream
from wire import Request, answer

CLUSTER = """apiVersion: davit/v1
kind: Cluster
metadata: {name: torture}
spec:
  platform: {version: 1.36.3}
  openstack: {cloud: torture, image: debian-12, externalNetwork: public}
  network: {cidr: 10.63.0.0/24}
  controlPlane: {flavor: m1.small}
  registry: {flavor: m1.small, volume: {size: 1}}
"""
WANTED = {"network": 1, "subnet": 1, "router": 1, "port": 3, "security_group": 3, "floatingip": 1, "keypair": 1, "server group": 1,
          "volume": 1, "server": 2}
NETWORK = ("network", "subnet", "router", "port", "floatingip", "security_group", "security_group_rule")
TIMEOUT = 20  # seconds for a call of a cloud that is busy
LOGIN = "/identity/v3/auth/tokens"


class Lab:
    """What sim.Cloud is to the cases.  Davit has a password that is this proxy's alone: so it is known if it turns up anywhere."""

    def __init__(self, name):
        self.upstream = Upstream.named(name)
        self.identity = SimpleNamespace(password=secrets.token_hex(12), issued=[], moved=False)
        self.compute = SimpleNamespace(user_data=[])
        self.origin = ""

    async def handle(self, request):
        self.upstream.origin = self.origin.replace("127.0.0.1", "localhost") if self.identity.moved else self.origin
        if request.method == "POST" and request.target == LOGIN:
            return await self.log_in(request)
        for data in re.findall(rb'"user_data": *"([^"]+)"', request.body):
            self.compute.user_data.append(base64.b64decode(data).decode())
        return await self.upstream.handle(request)

    async def log_in(self, request):
        if request.json()["auth"]["identity"]["password"]["user"]["password"] != self.identity.password:
            return answer(401, {"error": {"code": 401, "title": "Unauthorized", "message": "not the password of this proxy"}})
        r = await self.upstream.handle(self.upstream.login_request())
        if "x-subject-token" in r.headers:
            self.identity.issued.append(r.headers["x-subject-token"])
        return r

    async def revoke(self, token):
        await self.upstream.revoke(token)

    async def listing(self):
        """A line for everything in the project, less the ports that neutron makes for itself."""
        token = await self.upstream.login()
        project = self.upstream.project

        async def get(path, key):
            r = await self.upstream.handle(Request("GET", path, {"x-auth-token": token}))
            return json.loads(r.body)[key]

        found = [(k, o) for k in NETWORK for o in await get(f"/network/v2.0/{k.replace('_', '-')}s?project_id={project}", k + "s")]
        found += [("keypair", o["keypair"]) for o in await get("/compute/v2.1/os-keypairs", "keypairs")]
        found += [("server group", o) for o in await get("/compute/v2.1/os-server-groups", "server_groups")]
        found += [("server", o) for o in await get("/compute/v2.1/servers/detail", "servers")]
        found += [("volume", o) for o in await get(f"/volume/v3/{project}/volumes/detail", "volumes")]
        return sorted(f"{kind} {o.get('name', '')} {o.get('id', '')}".strip() for kind, o in found
                      if o.get("device_owner") != "network:dhcp")


def changes(request):
    """What counts as a call: the many that only look differ from run to run."""
    return request.method != "GET" and not request.target.startswith("/identity")


async def target(name, program, folder):
    """The real cloud of that name; what there is to know of an undisturbed run is learned in the simulation."""
    known = cases.Target(file=CLUSTER, wanted=WANTED, counts=changes)
    await cases.measure(program, folder, known)
    known.calls["resume"] = known.calls["create"] // 4  # at least so many are left
    known.make, known.timeout, known.real = lambda: Lab(name), TIMEOUT, True
    return known
