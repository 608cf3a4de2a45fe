"""Lists whatever the member's project holds beyond its default security group; fails if there is anything."""
import sys

import openstack

cloud = openstack.connect(cloud='lab')
project = cloud.current_project_id
found = {
    'servers': cloud.compute.servers(),
    'keypairs': cloud.compute.keypairs(),
    'server groups': cloud.compute.server_groups(),
    'volumes': cloud.block_storage.volumes(),
    'snapshots': cloud.block_storage.snapshots(),
    'images': cloud.image.images(owner=project),
    'floating IPs': cloud.network.ips(project_id=project),
    'routers': cloud.network.routers(project_id=project),
    'ports': cloud.network.ports(project_id=project),
    'networks': cloud.network.networks(project_id=project),
    'security groups': (group for group in cloud.network.security_groups(project_id=project) if group.name != 'default'),
    'security group rules': list(cloud.network.security_group_rules(project_id=project))[4:],
}
left = [f'{kind}: {thing.name or thing.id}' for kind, things in found.items() for thing in things]
sys.exit('\n'.join(left) or None)
