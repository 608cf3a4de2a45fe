"""Keystone: passwords, application credentials, tokens that end or are revoked, the catalog."""
import secrets
from datetime import datetime, timedelta, timezone

from .base import Refusal, Service, now
from wire import answer

SERVICES = {  # type: (name, path behind the origin)
    "identity": ("keystone", "/identity"),
    "compute": ("nova", "/compute/v2.1"),
    "network": ("neutron", "/network"),
    "image": ("glance", "/image"),
    "volumev3": ("cinderv3", "/volume/v3/{project}"),
    "placement": ("placement", "/placement"),
    "load-balancer": ("octavia", "/load-balancer"),
}
UNAUTHORIZED = "The request you have made requires authentication."


class Identity(Service):
    routes = (
        ("GET", "", "versions"),
        ("GET", "/v3", "version"),
        ("POST", "/v3/auth/tokens", "login"),
        ("GET", "/v3/auth/tokens", "validate"),
        ("DELETE", "/v3/auth/tokens", "revoke"),
        ("GET", "/v3/users/[^/]+/application_credentials", "credentials"),
    )

    def __init__(self, cloud):
        super().__init__(cloud)
        self.password = secrets.token_hex(12)
        self.life = 3600.0  # of a token, in seconds
        self.tokens = {}  # token: when it ends
        self.issued = []  # all that ever were
        self.moved = False  # the next logins name another address of the services

    def authenticate(self, request):
        if self.tokens.get(request.headers.get("x-auth-token", ""), 0) <= now():
            raise Refusal(401, UNAUTHORIZED)

    def version(self, request):
        link = {"rel": "self", "href": f"{self.cloud.origin}/identity/v3/"}
        return answer(200, {"version": {"id": "v3.14", "status": "stable", "links": [link]}})

    def versions(self, request):
        link = {"rel": "self", "href": f"{self.cloud.origin}/identity/v3/"}
        return answer(300, {"versions": {"values": [{"id": "v3.14", "status": "stable", "links": [link]}]}})

    def knows(self, identity):
        if identity["methods"] == ["password"]:
            user = identity["password"]["user"]
            return user.get("name") == "demo" and user.get("password") == self.password
        return False

    def login(self, request):
        if not self.knows(request.json()["auth"]["identity"]):
            raise Refusal(401, UNAUTHORIZED)
        token = "gAAAAAB" + secrets.token_urlsafe(96)
        self.tokens[token] = now() + self.life
        self.issued.append(token)
        return answer(201, {"token": self.describe()}, X_Subject_Token=token)

    def describe(self):
        issued = datetime.now(timezone.utc)
        write = "%Y-%m-%dT%H:%M:%S.%fZ"
        domain = {"id": "default", "name": "Default"}
        return {
            "methods": ["password"],
            "user": {"id": self.cloud.user, "name": "demo", "domain": domain, "password_expires_at": None},
            "project": {"id": self.cloud.project, "name": "demo", "domain": domain},
            "is_domain": False,
            "roles": [{"id": "5f2", "name": "member"}],
            "audit_ids": [secrets.token_urlsafe(16)],
            "issued_at": issued.strftime(write),
            "expires_at": (issued + timedelta(seconds=self.life)).strftime(write),
            "catalog": self.catalog(),
        }

    def catalog(self):
        origin = self.cloud.origin.replace("127.0.0.1", "localhost") if self.moved else self.cloud.origin
        return [
            {"id": type, "type": type, "name": name, "endpoints": [
                {"id": f"{type}-public", "interface": "public", "region": "RegionOne", "region_id": "RegionOne",
                 "url": origin + path.format(project=self.cloud.project)}]}
            for type, (name, path) in SERVICES.items()
        ]

    def subject(self, request):
        self.authenticate(request)
        token = request.headers.get("x-subject-token", "")
        if self.tokens.get(token, 0) <= now():
            raise Refusal(404, "Could not find token.")
        return token

    def validate(self, request):
        return answer(200, {"token": self.describe()}, X_Subject_Token=self.subject(request))

    def revoke(self, request):
        del self.tokens[self.subject(request)]
        return answer(204)

    def credentials(self, request):
        self.authenticate(request)
        return answer(200, {"application_credentials": [], "links": {"next": None, "previous": None}})

    def refuse(self, r):
        return {"error": {"code": r.status, "title": "Error", "message": r.message}}
