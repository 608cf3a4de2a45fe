"""A real cloud in the simulation's place: the same cases, a few of them, since each takes its minutes there."""
import asyncio
import base64
import json
import re
from types import SimpleNamespace

from upstream import Upstream
from wire import Request

CLUSTER = """apiVersion: davit/v1
kind: Cluster
metadata: {name: torture}
spec:
  platform: {version: 1.36.3}
  openstack: {cloud: torture, image: debian-12, externalNetwork: public}
  network: {cidr: 10.63.0.0/24}
  controlPlane: {flavor: m1.small}
  workerPools:
  - {name: workers, count: 1, flavor: m1.small}
  registry: {flavor: m1.small, volume: {size: 1}}
"""
WANTED = {"network": 1, "subnet": 1, "router": 1, "port": 4, "security_group": 3, "floatingip": 1, "keypair": 1, "server group": 2,
          "volume": 1, "server": 3}
NETWORK = ("network", "subnet", "router", "port", "floatingip", "security_group", "security_group_rule")


class Lab:
    """What sim.Cloud is to the cases.  What counts as ours bears a mark that was seen in a request: others may be at work, too."""

    def __init__(self, name):
        self.upstream = Upstream.named(name)
        self.identity = SimpleNamespace(password=self.upstream.auth["password"], issued=[], tokens={}, life=3600, moved=False)
        self.compute = SimpleNamespace(user_data=[])
        self.uuids = set()

    @property
    def origin(self):
        return self.upstream.origin

    @origin.setter
    def origin(self, value):
        self.upstream.origin = value

    async def handle(self, request):
        self.uuids |= set(re.findall(rb"davit:([0-9a-f-]{36})", request.body))
        for data in re.findall(rb'"user_data":"([^"]+)"', request.body):
            self.compute.user_data.append(base64.b64decode(data).decode())
        r = await self.upstream.handle(request)
        if "x-subject-token" in r.headers:
            self.identity.issued.append(r.headers["x-subject-token"])
        return r

    async def revoke(self, token):
        await self.upstream.revoke(token)

    def is_ours(self, o, groups):
        marks = {u.decode() for u in self.uuids}
        name = o.get("name") or ""
        return (o.get("description", "").removeprefix("davit:") in marks or (o.get("metadata") or {}).get("davit") in marks or
                any(name.endswith("-" + u[:8]) for u in marks) or o.get("security_group_id") in groups)

    async def listing(self):
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
        groups = {o["id"] for kind, o in found if kind == "security_group" and self.is_ours(o, ())}
        return sorted(f"{kind} {o.get('name', '')} {o.get('id', '')}".strip() for kind, o in found if self.is_ours(o, groups))


def is_reached(name):
    """Whether that cloud answers."""
    try:
        asyncio.run(Upstream.named(name).login())
        return True
    except (OSError, KeyError, TypeError):
        return False
