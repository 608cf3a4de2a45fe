"""broken.py SERVER: Nova takes it for one in ERROR from now on, as after a failure of its host; it runs on."""
import sys

import openstack

compute = openstack.connect(cloud="lab-admin").compute
(server,) = compute.servers(all_projects=True, name="^" + sys.argv[1] + "$")
compute.reset_server_state(server, "error")
