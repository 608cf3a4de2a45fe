"""Prints a line for everything that the member's project holds, and for what nobody's project holds that may be a leftover of it."""
import openstack

member = openstack.connect(cloud="lab")
admin = openstack.connect(cloud="lab-admin")
project = member.current_project_id


def of_all():
    """(kind, things) of every kind that the cloud has."""
    compute, network, volume, image = member.compute, admin.network, member.block_storage, member.image
    yield "server", admin.compute.servers(all_projects=True)
    yield "keypair", compute.keypairs()
    yield "server group", compute.server_groups()
    yield "volume", admin.block_storage.volumes(all_projects=True)
    yield "snapshot", volume.snapshots()
    yield "backup", volume.backups() if member.has_service("backup") else []
    yield "image", image.images(owner=project)
    for kind in ("networks", "subnets", "subnet_pools", "routers", "ports", "ips", "security_groups", "security_group_rules",
                 "address_scopes", "qos_policies", "rbac_policies"):
        # of all projects: the ports of DHCP and routers belong to none
        yield kind.rstrip("s"), getattr(network, kind)()
    yield "application credential", member.identity.application_credentials(member.current_user_id)
    if member.has_service("load-balancer"):
        yield "load balancer", member.load_balancer.load_balancers()
    if member.has_service("orchestration"):
        yield "stack", member.orchestration.stacks()


def main():
    lines = set()
    for of in admin.identity.projects():
        list(admin.network.security_groups(project_id=of.id))  # neutron makes a project's default one when it is first asked
    for kind, things in of_all():
        try:
            lines.update(f"{kind} {thing.id} {getattr(thing, 'name', '') or ''}" for thing in things)
        except openstack.exceptions.NotFoundException:
            continue  # an extension that this neutron lacks
    limits = member.get_compute_limits()
    lines.add(f"used: {limits.total_instances_used} servers, {limits.total_cores_used} cores, {limits.total_ram_used} MiB")
    print("\n".join(sorted(lines)))


main()
