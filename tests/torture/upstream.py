"""A real cloud behind the proxy: finds it as OpenStack's clients do, and forwards requests to the services by the paths of the simulation."""
import asyncio
import json
import os
import re
from urllib.parse import urlsplit

from sim.identity import SERVICES
from wire import Request, Response, read_response

ALIASES = {"block-storage": "volumev3"}  # other types of the same services
DROPPED = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding", "expect"}


class Upstream:
    """origin: what stands in place of the services' addresses in the catalog; set before the first request."""

    def __init__(self, auth):
        self.auth, self.origin = auth, ""
        self.roots = {"/identity": re.sub(r"/v3/?$", "", auth["auth_url"])}
        self.project = None

    @classmethod
    def named(cls, cloud):
        """The cloud of that name in the clouds.yaml of $OS_CLIENT_CONFIG_FILE, of which this reads flat maps only."""
        with open(os.environ["OS_CLIENT_CONFIG_FILE"], encoding="utf-8") as f:
            text = re.search(rf"^  {cloud}:\n((?:    .*\n)+)", f.read(), re.MULTILINE)[1]
        return cls(dict(re.findall(r"^ +(\w+): (\S+)$", text, re.MULTILINE)))

    def credentials(self):
        a = self.auth
        return {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": a["username"], "domain": {"name": a["user_domain_name"]}, "password": a["password"]}}},
            "scope": {"project": {"name": a["project_name"], "domain": {"name": a["project_domain_name"]}}}}}

    def login_request(self):
        body = json.dumps(self.credentials()).encode()
        return Request("POST", "/identity/v3/auth/tokens", {"content-type": "application/json"}, body)

    async def login(self):
        """A token, and where the services are."""
        return (await self.handle(self.login_request())).headers["x-subject-token"]

    def learn(self, token):
        """Takes the services' addresses out of the catalog, and puts ours in."""
        self.project = token["project"]["id"]
        for entry in token["catalog"]:
            prefix = SERVICES.get(ALIASES.get(entry["type"], entry["type"]), ("", ""))[1].replace("/v2.1", "").partition("/v3/")[0]
            for endpoint in entry["endpoints"]:
                parts = urlsplit(endpoint["url"])
                if not prefix:
                    continue
                root = f"{parts.scheme}://{parts.netloc}"
                self.roots.setdefault(prefix, root)
                endpoint["url"] = self.origin + prefix + parts.path

    async def handle(self, request):
        prefix = "/" + request.target.split("/")[1].split("?")[0]
        if prefix not in self.roots:
            return Response(404, b"{}", {"Content-Type": "application/json"})
        r = await send(self.roots[prefix], request, request.target.removeprefix(prefix) or "/")
        if prefix == "/identity" and request.target.endswith("/auth/tokens") and r.status == 201:
            token = json.loads(r.body)
            self.learn(token["token"])
            r.body = json.dumps(token).encode()
        r.headers = {k: v for k, v in r.headers.items() if k not in DROPPED}
        return r

    async def revoke(self, token):
        own = await self.login()
        await self.handle(Request("DELETE", "/identity/v3/auth/tokens", {"x-auth-token": own, "x-subject-token": token}))


async def send(root, request, target):
    parts = urlsplit(root)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    headers = {k: v for k, v in request.headers.items() if k not in DROPPED}
    headers |= {"Host": parts.netloc, "Connection": "close", "Content-Length": str(len(request.body))}
    head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    writer.write(f"{request.method} {target} HTTP/1.1\r\n{head}\r\n".encode() + request.body)
    try:
        return await read_response(reader, request.method)
    finally:
        writer.close()
