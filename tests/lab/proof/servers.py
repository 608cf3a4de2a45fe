"""servers.py PREFIX COUNT [FLAVOR [volume]]: a network with that many servers, all at once, each with a floating IP; prints how long each
took from the request to ssh's answer. With 'volume', roots are volumes and the first server gets another one attached."""
import os
import subprocess
import sys
import threading
import time

import openstack

KEY = '/lab/run/proof'
SSH = ['ssh', '-i', KEY, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR',
       '-o', 'ConnectTimeout=2', '-o', 'ServerAliveInterval=3', '-o', 'ServerAliveCountMax=2']
PATIENCE = 180

prefix, count = sys.argv[1], int(sys.argv[2])
flavor_name = sys.argv[3] if len(sys.argv) > 3 else 'm1.small'
from_volume = 'volume' in sys.argv[4:]
cloud = openstack.connect(cloud='lab')
failures = []


def ssh(address, command):
    return subprocess.run([*SSH, f'debian@{address}', command], capture_output=True, text=True, timeout=30)


def network():
    external = cloud.network.find_network('public')
    net = cloud.network.create_network(name=prefix)
    subnet = cloud.network.create_subnet(network_id=net.id, name=prefix, ip_version=4, cidr='10.9.0.0/24')
    router = cloud.network.create_router(name=prefix, external_gateway_info={'network_id': external.id})
    cloud.network.add_interface_to_router(router, subnet_id=subnet.id)
    group = cloud.network.create_security_group(name=prefix)
    for protocol, port in (('tcp', 22), ('icmp', None)):
        cloud.network.create_security_group_rule(security_group_id=group.id, direction='ingress', ethertype='IPv4', protocol=protocol,
                                                 port_range_min=port, port_range_max=port, remote_ip_prefix='0.0.0.0/0')
    return external, net, group


def wait_for_ssh(address, since):
    while time.monotonic() - since < PATIENCE:
        if ssh(address, 'true').returncode == 0:
            return True
        time.sleep(0.3)
    return False


def one(index, image, flavor, external, net, group, addresses):
    name, began = f'{prefix}-{index}', time.monotonic()
    port = cloud.network.create_port(name=name, network_id=net.id, security_groups=[group.id])
    floating = cloud.network.create_ip(floating_network_id=external.id, port_id=port.id).floating_ip_address
    disk = {'image_id': image.id}
    if from_volume:
        disk = {'block_device_mapping': [{'boot_index': 0, 'uuid': image.id, 'source_type': 'image', 'destination_type': 'volume',
                                          'volume_size': 10, 'delete_on_termination': True}]}
    server = cloud.compute.create_server(name=name, flavor_id=flavor.id, networks=[{'port': port.id}], key_name=prefix, **disk)
    while server.status not in ('ACTIVE', 'ERROR') and time.monotonic() - began < PATIENCE:
        time.sleep(0.5)
        server = cloud.compute.get_server(server.id)
    active = time.monotonic() - began
    if server.status != 'ACTIVE' or not wait_for_ssh(floating, began):
        fault = cloud.compute.get(f'/servers/{server.id}').json()['server'].get('fault', {})
        failures.append(f'{name}: {server.status} {fault.get("message", "no ssh")}')
        return
    addresses[index] = (server, floating)
    print(f'{name} active {active:.1f} s, ssh {time.monotonic() - began:.1f} s', flush=True)


def attach(server, address):
    volume = cloud.block_storage.create_volume(name=prefix, size=1, volume_type='ssd')
    volume = cloud.block_storage.wait_for_status(volume, 'available', interval=0.5)
    cloud.compute.create_volume_attachment(server, volume_id=volume.id)
    link = f'/dev/disk/by-id/virtio-{volume.id[:20]}'
    for _ in range(40):
        if ssh(address, f'sudo test -b {link} && sudo mkfs.ext4 -q {link}').returncode == 0:
            print(f'volume at {link}')
            return
        time.sleep(0.5)
    failures.append(f'no {link}: ' + ssh(address, 'ls -l /dev/disk/by-id /dev/vd*; journalctl -u lab-hotplug').stdout)


def main():
    if not os.path.exists(KEY):
        subprocess.check_call(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'proof', '-f', KEY])
    image, flavor = cloud.image.find_image('debian-12'), cloud.compute.find_flavor(flavor_name)
    with open(KEY + '.pub') as public:
        cloud.compute.create_keypair(name=prefix, public_key=public.read())
    external, net, group = network()
    addresses = {}
    threads = [threading.Thread(target=one, args=(i, image, flavor, external, net, group, addresses)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if 'volume' in sys.argv[4:] or 'attach' in sys.argv[4:]:
        if 0 in addresses:
            attach(*addresses[0])
    if len(addresses) < count and not failures:
        failures.append('not all servers were made')
    sys.exit('\n'.join(failures) or None)


main()
