"""What the simulated services share: things with ids and owners, refusals, routes."""
import re
import time
from datetime import datetime, timezone


class Refusal(Exception):
    """An answer that is an error; `type` is neutron's name of it."""

    def __init__(self, status, message, type="", **headers):
        super().__init__(message)
        self.status, self.message, self.type = status, message, type
        self.headers = {k.replace("_", "-"): v for k, v in headers.items()}


def now():
    """Time of the simulation, in seconds."""
    return time.monotonic()


def stamp(at=None):
    at = datetime.now(timezone.utc) if at is None else at
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Things(dict):
    """The things of one kind by their id."""

    def named(self, name):
        return [o for o in self.values() if o.get("name") == name]

    def where(self, **want):
        return [o for o in self.values() if all(o.get(k) == v for k, v in want.items())]

    def get_or(self, id, refusal):
        if id not in self:
            raise refusal
        return self[id]


def matches(o, query, ignore=("limit", "marker", "fields", "sort_key", "sort_dir")):
    """Neutron's filters: keys that are there are compared, repeated ones are alternatives."""
    for key, values in query.items():
        if key in ignore or key not in o:
            continue
        if str(o[key]).lower() not in [v.lower() for v in values]:
            return False
    return True


class Service:
    """Routes are (method, pattern, function's name); the pattern's groups are the function's arguments behind the request."""

    routes = ()

    def __init__(self, cloud):
        self.cloud = cloud
        self.table = [(m, re.compile(p + r"/?\Z"), getattr(self, f)) for m, p, f in self.routes]

    def handle(self, request, path):
        known = False
        for method, pattern, function in self.table:
            match = pattern.match(path)
            known = known or bool(match)
            if match and method == request.method:
                return function(request, *match.groups())
        raise Refusal(405 if known else 404, "The resource could not be found.")

    def refuse(self, r):
        """The body of a refusal, in the words of this service."""
        raise NotImplementedError
