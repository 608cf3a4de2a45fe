"""quota.py set NAME=LIMIT...|reset: quotas of the member's project, as its administrator sets them; reset: none, as in a new lab."""
import sys

import openstack

admin = openstack.connect(cloud="lab-admin")
project = openstack.connect(cloud="lab").current_project_id
CLIENTS = {
    "nova": (admin.compute, f"/os-quota-sets/{project}", "quota_set"),
    "cinder": (admin.block_storage, f"/os-quota-sets/{project}", "quota_set"),
    "neutron": (admin.network, f"/quotas/{project}", "quota"),
}
NAMES = {
    "nova": ("instances", "cores", "ram", "server_groups", "server_group_members", "key_pairs"),
    "cinder": ("volumes", "gigabytes", "per_volume_gigabytes"),
    "neutron": ("network", "subnet", "router", "port", "security_group", "security_group_rule", "floatingip"),
}


def check(answer):
    if answer.status_code >= 300:
        sys.exit(f"{answer.url}: {answer.status_code} {answer.text}")


wanted = dict(word.split("=") for word in sys.argv[2:])
for service, (client, path, key) in CLIENTS.items():
    limits = {name: int(wanted.get(name, -1)) for name in NAMES[service] if name in wanted or sys.argv[1] == "reset"}
    if limits:
        forced = {"force": True} if service == "nova" else {}  # also below what is used
        check(client.put(path, json={key: limits | forced}))
