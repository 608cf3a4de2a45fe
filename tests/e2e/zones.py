"""zones.py make|remove|list: a second availability zone "far", with a hypervisor of Nova's fake driver: its servers are ACTIVE, and nowhere; the
network is told of it as if an agent ran there.  list: name and zone of each server of the project."""
import os
import subprocess
import sys
import time

import openstack
import pymysql

CONFIG = ["--config-file", "/lab/etc/common.conf", "--config-file", "/lab/etc/nova.conf"]
FOLDER = "/lab/run/far"
HYPERVISOR = f"""[DEFAULT]
host = far
compute_driver = fake.SmallFakeDriver
state_path = {FOLDER}
"""
compute = openstack.connect(cloud="lab-admin").compute


def neutron(statement):
    with pymysql.connect(host="127.0.0.1", user="lab", password="lab", database="neutron") as db:
        with db.cursor() as c:
            c.execute(statement)
            db.commit()
            return [row[0] for row in c.fetchall()]


def start():
    os.makedirs(FOLDER, exist_ok=True)
    with open(f"{FOLDER}/far.conf", "w", encoding="utf-8") as f:
        f.write(HYPERVISOR)
    with open(f"{FOLDER}/log", "wb") as log:
        process = subprocess.Popen(["nova-compute", *CONFIG, "--config-file", f"{FOLDER}/far.conf"], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, start_new_session=True)
    with open(f"{FOLDER}/pid", "w", encoding="ascii") as f:
        f.write(str(process.pid))


def add_agent():
    columns = neutron("SELECT column_name FROM information_schema.columns WHERE table_schema = 'neutron' AND table_name = 'agents'")
    other = {"id": "UUID()", "host": "'far'", "heartbeat_timestamp": "'2099-01-01'"}
    values = ", ".join(other.get(c, f"`{c}`") for c in columns)
    neutron(f"INSERT INTO agents ({', '.join(f'`{c}`' for c in columns)}) SELECT {values} FROM agents "
            "WHERE host = 'lab' AND agent_type = 'Linux bridge agent'")


def far():
    return [s for s in compute.services(binary="nova-compute") if s.host == "far"]


def make():
    start()
    add_agent()
    end = time.monotonic() + 120
    while not any(s.state == "up" for s in far()):
        if time.monotonic() > end:
            sys.exit(f"zones.py: the hypervisor does not come up; see {FOLDER}/log")
        time.sleep(0.5)
    subprocess.run(["nova-manage", *CONFIG, "--config-file", "/lab/etc/nova-db.conf", "cell_v2", "discover_hosts"], check=True)
    aggregate = compute.create_aggregate(name="far", availability_zone="far")
    compute.add_host_to_aggregate(aggregate, "far")


def stop():
    try:
        with open(f"{FOLDER}/pid", encoding="ascii") as f:
            subprocess.run(["kill", f.read()], check=False)
    except FileNotFoundError:
        pass  # it never began


def remove():
    stop()
    for aggregate in (a for a in compute.aggregates() if a.name == "far"):
        for host in aggregate.hosts or []:
            compute.remove_host_from_aggregate(aggregate, host)
        compute.delete_aggregate(aggregate)
    for service in far():
        compute.delete_service(service)
    neutron("DELETE FROM agents WHERE host = 'far'")


def show():
    for server in sorted(openstack.connect(cloud="lab").compute.servers(), key=lambda s: s.name):
        print(server.name, server.availability_zone)


{"make": make, "remove": remove, "list": show}[sys.argv[1]]()
