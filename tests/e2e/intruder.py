"""intruder.py make|find|remove: a port of somebody else in the cluster's network; prints its id."""
import sys

import openstack

network = openstack.connect(cloud="lab").network
if sys.argv[1] == "make":
    network.create_port(name="intruder", network_id=network.find_network("demo", ignore_missing=False).id)
for port in list(network.ports(name="intruder")):
    print(port.id)
    if sys.argv[1] == "remove":
        network.delete_port(port)
