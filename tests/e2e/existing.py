"""existing.py make|remove: two networks of another project, shared with the member's: "corp" (10.62.0.0/24) behind a router of that project, whose
address outside it prints, and "island" (10.64.0.0/24), to which no router leads; and a router "edge" of the member's own."""
import sys

import openstack

admin, member = openstack.connect(cloud="lab-admin").network, openstack.connect(cloud="lab")
project = member.current_project_id
member = member.network


def share(name, cidr, **subnet):
    network = admin.create_network(name=name)
    admin.create_rbac_policy(object_type="network", object_id=network.id, action="access_as_shared", target_project_id=project)
    return admin.create_subnet(network_id=network.id, name=name, ip_version=4, cidr=cidr, **subnet)


def make():
    gateway = {"network_id": admin.find_network("public", ignore_missing=False).id}
    corp = share("corp", "10.62.0.0/24")
    share("island", "10.64.0.0/24", gateway_ip=None)
    router = admin.create_router(name="corp", external_gateway_info=gateway)
    admin.add_interface_to_router(router, subnet_id=corp.id)
    member.create_router(name="edge", external_gateway_info=gateway)
    print(router.external_gateway_info["external_fixed_ips"][0]["ip_address"])


def remove():
    router = admin.find_router("corp", ignore_missing=False)
    admin.remove_interface_from_router(router, subnet_id=admin.find_subnet("corp", ignore_missing=False).id)
    admin.delete_router(router)
    for name in "corp", "island":
        admin.delete_network(admin.find_network(name, ignore_missing=False))
    member.delete_router(member.find_router("edge", ignore_missing=False))


{"make": make, "remove": remove}[sys.argv[1]]()
