"""Glance: one image."""
from .base import Service, matches
from wire import answer


class Image(Service):
    routes = (("GET", "/v2/images", "images"),)

    def __init__(self, cloud):
        super().__init__(cloud)
        self.all = [{
            "id": cloud.id(), "name": "debian-12", "status": "active", "visibility": "public", "disk_format": "raw",
            "container_format": "bare", "size": 1 << 30, "virtual_size": 1 << 30, "min_disk": 0, "min_ram": 0, "protected": False,
            "owner": "admin", "tags": [], "checksum": "0" * 32, "os_hidden": False, "schema": "/v2/schemas/image",
        }]

    def images(self, request):
        query = request.query
        wanted = query.pop("id", [""])[0].removeprefix("in:")
        found = [i for i in self.all if matches(i, query) and wanted in ("", i["id"])]
        return answer(200, {"images": found, "first": "/v2/images", "schema": "/v2/schemas/images"})

    def refuse(self, r):
        return f"<html><head><title>{r.status}</title></head><body><h1>{r.status}</h1>{r.message}</body></html>"
