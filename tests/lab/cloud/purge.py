#!/usr/bin/python3
"""Delete everything that the member's project owns, so that it is as after 'lab up': the default security group and nothing else."""
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import openstack

PATIENCE = 60
cloud = openstack.connect()
project = cloud.current_project_id
compute, network, volume, image = cloud.compute, cloud.network, cloud.block_storage, cloud.image


def each(things, delete):
    things = list(things)
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(delete, things))


def gone(name, listing):
    deadline = time.monotonic() + PATIENCE
    while left := list(listing()):
        if time.monotonic() > deadline:
            sys.exit(f'lab: {name} do not go away: ' + ' '.join(f'{thing.name or thing.id} ({getattr(thing, "status", "?")})' for thing in left))
        time.sleep(0.2)


def balancers():
    if not cloud.has_service('load-balancer'):
        return
    each(cloud.load_balancer.load_balancers(project_id=project),
         lambda lb: cloud.load_balancer.delete_load_balancer(lb, cascade=True, ignore_missing=True))
    gone('load balancers', lambda: cloud.load_balancer.load_balancers(project_id=project))


def servers():
    each(compute.servers(details=False), lambda server: compute.delete_server(server, force=False))
    gone('servers', compute.servers)
    each(compute.keypairs(), compute.delete_keypair)
    each(compute.server_groups(), compute.delete_server_group)


def volumes():
    each(volume.snapshots(), volume.delete_snapshot)
    gone('snapshots', volume.snapshots)
    gone('attached volumes', lambda: volume.volumes(status='detaching'))
    each(volume.volumes(), volume.delete_volume)
    gone('volumes', volume.volumes)


def images():
    each(image.images(owner=project), image.delete_image)


def interfaces(router):
    if router.routes:
        network.update_router(router, routes=[])
    for port in network.ports(device_id=router.id, device_owner='network:router_interface'):
        network.remove_interface_from_router(router, port_id=port.id)
    network.delete_router(router)


def networks():
    each(network.ips(project_id=project), network.delete_ip)
    each(network.routers(project_id=project), interfaces)
    each((port for port in network.ports(project_id=project) if not port.device_owner.startswith('network:')), network.delete_port)
    each(network.networks(project_id=project), network.delete_network)


def group(group):
    if group.name != 'default':
        network.delete_security_group(group)
        return
    for rule in network.security_group_rules(security_group_id=group.id):
        untouched = not rule.protocol and not rule.remote_ip_prefix and (rule.direction == 'egress' or rule.remote_group_id == group.id)
        if not untouched:
            network.delete_security_group_rule(rule)


def groups():
    groups = list(network.security_groups(project_id=project))
    for one in groups:      # rules that name another group keep that group
        if one.name != 'default':
            each((rule for rule in network.security_group_rules(security_group_id=one.id) if rule.remote_group_id),
                 network.delete_security_group_rule)
    each(groups, group)


def credentials():
    user = cloud.current_user_id
    each(cloud.identity.application_credentials(user), lambda one: cloud.identity.delete_application_credential(user, one))


for step in (balancers, servers, volumes, images, networks, groups, credentials):
    step()
