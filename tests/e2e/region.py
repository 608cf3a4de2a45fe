"""region.py make|remove: a second region "south" with the services of the first, whose public endpoints are at the same address behind TLS, on ports
that are 10000 higher.  The certificate with its key is /lab/run/south/server.pem."""
import os
import re
import subprocess
import sys

import openstack

FOLDER = "/lab/run/south"
IP = os.environ["LAB_IP"]
HEAD = """defaults
  mode tcp
  timeout connect 5s
  timeout client 300s
  timeout server 300s
"""
SERVICE = """listen {port}
  bind {ip}:1{port} ssl crt {folder}/server.pem ssl-min-ver TLSv1.2
  server it {ip}:{port}
"""
identity = openstack.connect(cloud="lab-admin").identity


def endpoints(region):
    return [e for e in identity.endpoints() if e.region_id == region and e.interface == "public"]


def terminate_tls(ports):
    with open(f"{FOLDER}/haproxy.cfg", "w", encoding="ascii") as f:
        f.write(HEAD + "".join(SERVICE.format(port=port, ip=IP, folder=FOLDER) for port in ports))
    subprocess.run(["haproxy", "-D", "-f", f.name, "-p", f"{FOLDER}/pid"], check=True)


def make():
    found = endpoints("RegionOne")
    terminate_tls(sorted({re.search(r":(\d{4})\b", e.url)[1] for e in found}))
    openstack.exceptions.raise_from_response(identity.post("/regions", json={"region": {"id": "south"}}))
    for e in found:
        url = re.sub(r"^http://(.*?):(\d{4})\b", r"https://\1:1\2", e.url)
        identity.create_endpoint(service_id=e.service_id, interface="public", url=url, region_id="south")


def remove():
    for e in endpoints("south"):
        identity.delete_endpoint(e)
    identity.delete("/regions/south")
    try:
        with open(f"{FOLDER}/pid", encoding="ascii") as f:
            subprocess.run(["kill", *f.read().split()], check=False)
    except FileNotFoundError:
        pass  # it never began


{"make": make, "remove": remove}[sys.argv[1]]()
