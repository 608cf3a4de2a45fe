"""power.py stop|reset|delete SERVER: somebody switches a server off, presses its reset button, or deletes it."""
import sys

import openstack

compute = openstack.connect(cloud="lab").compute
(server,) = compute.servers(name="^" + sys.argv[2] + "$")
if sys.argv[1] == "stop":
    compute.stop_server(server)
    compute.wait_for_server(server, status="SHUTOFF", interval=1, wait=120)
elif sys.argv[1] == "reset":
    compute.reboot_server(server, "HARD")
else:
    compute.delete_server(server)
    compute.wait_for_delete(server, interval=1, wait=120)
