"""power.py stop|delete SERVER: somebody switches a server off, or deletes it."""
import sys

import openstack

compute = openstack.connect(cloud="lab").compute
(server,) = compute.servers(name="^" + sys.argv[2] + "$")
if sys.argv[1] == "stop":
    compute.stop_server(server)
    compute.wait_for_server(server, status="SHUTOFF", interval=1, wait=120)
else:
    compute.delete_server(server)
    compute.wait_for_delete(server, interval=1, wait=120)
