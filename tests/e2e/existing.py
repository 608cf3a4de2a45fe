"""existing.py make|remove: a network "corp" (10.62.0.0/24) of another project, shared with the member's, behind a router of that project, whose
address outside it prints; and a router "edge" of the member's own."""
import sys

import openstack

admin, member = openstack.connect(cloud="lab-admin").network, openstack.connect(cloud="lab")
project = member.current_project_id
member = member.network


def make():
    gateway = {"network_id": admin.find_network("public", ignore_missing=False).id}
    corp = admin.create_network(name="corp")
    subnet = admin.create_subnet(network_id=corp.id, name="corp", ip_version=4, cidr="10.62.0.0/24")
    admin.create_rbac_policy(object_type="network", object_id=corp.id, action="access_as_shared", target_project_id=project)
    router = admin.create_router(name="corp", external_gateway_info=gateway)
    admin.add_interface_to_router(router, subnet_id=subnet.id)
    member.create_router(name="edge", external_gateway_info=gateway)
    print(router.external_gateway_info["external_fixed_ips"][0]["ip_address"])


def remove():
    corp, router = (find("corp", ignore_missing=False) for find in (admin.find_network, admin.find_router))
    for subnet in admin.subnets(network_id=corp.id):
        admin.remove_interface_from_router(router, subnet_id=subnet.id)
    admin.delete_router(router)
    admin.delete_network(corp)
    member.delete_router(member.find_router("edge", ignore_missing=False))


{"make": make, "remove": remove}[sys.argv[1]]()
