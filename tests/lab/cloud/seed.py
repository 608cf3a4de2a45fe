#!/usr/bin/python3
"""What the administrator of a new cloud sets up: flavors, quotas, volume types, the external network, the guest image."""
import hashlib
import os
import subprocess
import time

import openstack

IP = os.environ['LAB_IP']
IMAGE, NOVA_CACHE = '/lab/state/glance/images', '/lab/state/nova/instances/_base'
FLAVORS = [('m1.tiny', 1, 512, 2), ('m1.small', 1, 1024, 4), ('m1.medium', 2, 2048, 6), ('m1.large', 2, 4096, 10)]
cloud = openstack.connect(cloud='lab-admin')


def flavors_and_quotas():
    for name, vcpus, ram, disk in FLAVORS:
        cloud.compute.create_flavor(name=name, vcpus=vcpus, ram=ram, disk=disk)
    cloud.set_compute_quotas('demo', cores=-1, ram=-1, instances=-1, key_pairs=-1, server_groups=-1, server_group_members=-1)
    cloud.set_volume_quotas('demo', volumes=-1, gigabytes=-1, snapshots=-1)


def volume_type():
    cloud.block_storage.create_type(name='ssd', extra_specs={'volume_backend_name': 'loopfile'})


def external_network():
    network = cloud.network.create_network(name='public', is_router_external=True, provider_network_type='flat',
                                           provider_physical_network='public', is_shared=False)
    cloud.network.create_subnet(network_id=network.id, name='public-subnet', ip_version=4, cidr='172.24.4.0/24', gateway_ip=IP,
                                is_dhcp_enabled=False, allocation_pools=[{'start': '172.24.4.10', 'end': '172.24.4.250'}])


def image():
    made = cloud.create_image('debian-12', filename='/lab/image/disk.raw', disk_format='raw', container_format='bare', wait=True,
                              visibility='public', validate_checksum=False, use_import=False)
    # As if one server had been made from it: Nova finds the image in its cache and does not fetch it.
    cached = f'{NOVA_CACHE}/{hashlib.sha1(made.id.encode()).hexdigest()}'
    os.makedirs(NOVA_CACHE, exist_ok=True)
    subprocess.check_call(['cp', '--reflink=auto', f'{IMAGE}/{made.id}', cached])
    for size in {disk << 30 for *_, disk in FLAVORS if disk << 30 > os.path.getsize(cached)}:
        grown = f'{cached}_{size}'      # see nova-compute-lxc
        subprocess.check_call(['cp', '--reflink=auto', cached, grown])
        subprocess.check_call(['truncate', '-s', str(size), grown])
        subprocess.check_call(['e2fsck', '-fp', grown])
        subprocess.check_call(['resize2fs', grown])


def hypervisor():
    for _ in range(90):
        if any(s.state == 'up' for s in cloud.compute.services(binary='nova-compute')):
            break
        time.sleep(1)
    subprocess.check_call(['nova-manage', '--config-file', '/lab/etc/common.conf', '--config-file', '/lab/etc/nova.conf',
                           '--config-file', '/lab/etc/nova-db.conf', 'cell_v2', 'discover_hosts'])
    if not list(cloud.compute.hypervisors()):
        raise SystemExit('Nova knows of no hypervisor')


for step in (flavors_and_quotas, volume_type, external_network, image, hypervisor):
    step()
