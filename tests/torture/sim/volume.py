"""Cinder: volumes that take a moment to come and to go."""
import ast

from .base import Refusal, Service, Things, now, stamp
from wire import answer

MAKE, WIPE = 0.15, 0.15  # seconds
QUOTA = {"volumes": 10, "gigabytes": 1000}


class Volume(Service):
    routes = (
        ("GET", "/v3/[^/]+/volumes/detail", "list"),
        ("POST", "/v3/[^/]+/volumes", "create"),
        ("GET", "/v3/[^/]+/volumes/([^/]+)", "show"),
        ("DELETE", "/v3/[^/]+/volumes/([^/]+)", "delete"),
        ("GET", "/v3/[^/]+/snapshots/detail", "snapshots"),
        ("GET", "/v3/[^/]+/types", "types"),
        ("GET", "/v3/[^/]+/limits", "limits"),
        ("GET", "/v3/[^/]+/os-quota-sets/[^/]+", "quotas"),
        ("GET", "/v3/[^/]+/os-availability-zone", "zones"),
    )

    def __init__(self, cloud):
        super().__init__(cloud)
        self.volumes = Things()

    def settle(self):
        for o in list(self.volumes.values()):
            if o["status"] == "creating" and o["~at"] <= now():
                o["status"] = "available"
            elif o["status"] == "deleting" and o["~at"] <= now():
                del self.volumes[o["id"]]

    def shown(self, o):
        return {k: v for k, v in o.items() if not k.startswith("~")}

    def used(self):
        return {"volumes": len(self.volumes), "gigabytes": sum(o["size"] for o in self.volumes.values())}

    def list(self, request):
        wanted = ast.literal_eval(request.query.get("metadata", ["{}"])[0])
        found = [self.shown(o) for o in self.volumes.values() if wanted.items() <= o["metadata"].items()]
        return answer(200, {"volumes": found})

    def find(self, id):
        return self.volumes.get_or(id, Refusal(404, f"Volume {id} could not be found."))

    def show(self, request, id):
        return answer(200, {"volume": self.shown(self.find(id))})

    def create(self, request):
        body = request.json()["volume"]
        if not isinstance(body.get("size"), int) or body["size"] < 1:
            raise Refusal(400, f"Invalid input for field/attribute size. Value: {body.get('size')}.")
        if body.get("imageRef") and body["imageRef"] not in [i["id"] for i in self.cloud.image.all]:
            raise Refusal(400, "Invalid imageRef provided.")
        for key, more in (("volumes", 1), ("gigabytes", body["size"])):
            if self.used()[key] + more > QUOTA[key]:
                raise Refusal(413, f"VolumeLimitExceeded: Maximum number of {key} allowed ({QUOTA[key]}) exceeded for quota.", Retry_After="0")
        o = {
            "id": self.cloud.id(), "name": body.get("name"), "size": body["size"], "status": "creating", "attachments": [],
            "metadata": body.get("metadata") or {}, "created_at": stamp(), "updated_at": None, "description": body.get("description"),
            "availability_zone": "nova", "volume_type": body.get("volume_type") or "__DEFAULT__", "bootable": "false",
            "encrypted": False, "multiattach": False, "snapshot_id": None, "source_volid": None, "links": [],
            "user_id": self.cloud.user, "replication_status": None, "consistencygroup_id": None, "~at": now() + MAKE,
        }
        self.volumes[o["id"]] = o
        return answer(202, {"volume": self.shown(o)})

    def delete(self, request, id):
        o = self.find(id)
        if o["status"] not in ("available", "error"):
            raise Refusal(400, "Invalid volume: Volume status must be available or error or error_restoring or error_extending or "
                          "error_managing and must not be migrating, attached, belong to a group, have snapshots or be disassociated "
                          "from snapshots after volume transfer.")
        o["status"], o["~at"] = "deleting", now() + WIPE
        return answer(202)

    def attach(self, o, server_id):
        o["status"] = "in-use"
        o["attachments"] = [{"server_id": server_id, "volume_id": o["id"], "id": o["id"], "device": "/dev/vdb",
                             "attachment_id": o["id"], "host_name": None, "attached_at": stamp()}]

    def snapshots(self, request):
        return answer(200, {"snapshots": []})

    def types(self, request):
        return answer(200, {"volume_types": [{"id": "t", "name": "__DEFAULT__", "is_public": True, "extra_specs": {}, "description": None}]})

    def limits(self, request):
        used = self.used()
        return answer(200, {"limits": {"rate": [], "absolute": {
            "maxTotalVolumes": QUOTA["volumes"], "maxTotalVolumeGigabytes": QUOTA["gigabytes"],
            "totalVolumesUsed": used["volumes"], "totalGigabytesUsed": used["gigabytes"]}}})

    def quotas(self, request):
        used = self.used()
        return answer(200, {"quota_set": {"id": self.cloud.project, **{
            k: {"limit": v, "in_use": used[k], "reserved": 0, "allocated": 0} for k, v in QUOTA.items()}}})

    def zones(self, request):
        return answer(200, {"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": True}}]})

    def refuse(self, r):
        name = {400: "badRequest", 404: "itemNotFound", 413: "overLimit"}.get(r.status, "computeFault")
        return {name: {"code": r.status, "message": r.message}}
