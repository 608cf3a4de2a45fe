"""nowhere.py make|remove: a flavor that no hypervisor has room for, so that Nova leaves its servers in ERROR."""
import sys

import openstack

compute = openstack.connect(cloud="lab-admin").compute
flavor = compute.find_flavor("m1.nowhere")
if flavor:
    compute.delete_flavor(flavor)
if sys.argv[1] == "make":
    compute.create_flavor(name="m1.nowhere", vcpus=2, ram=2048, disk=1 << 20)
