"""flavors.py PREFIX: the flavors of the project's servers whose names begin so."""
import sys

import openstack

for server in openstack.connect(cloud="lab").compute.servers():
    if server.name.startswith(sys.argv[1]):
        print(server.flavor["original_name"])
