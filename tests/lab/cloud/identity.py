#!/usr/bin/python3
"""Keystone's part of a new cloud: roles, service users, the catalogue, the member's project."""
import os

import openstack

IP = os.environ['LAB_IP']
SERVICES = [    # user, name, type, URL
    ('nova', 'nova', 'compute', ':8774/v2.1'),
    ('neutron', 'neutron', 'network', ':9696'),
    ('glance', 'glance', 'image', ':9292'),
    ('placement', 'placement', 'placement', ':8778'),
    ('cinder', 'cinderv3', 'volumev3', ':8776/v3/%(project_id)s'),
    ('cinder', 'cinder', 'block-storage', ':8776/v3/%(project_id)s'),
    ('octavia', 'octavia', 'load-balancer', ':9876'),
]

identity = openstack.connect(cloud='lab-admin').identity
domain = identity.find_domain('Default') or identity.find_domain('default')
roles = {role.name: role for role in identity.roles()}
for name in ('service', 'load-balancer_admin', 'load-balancer_member'):
    if name not in roles:
        roles[name] = identity.create_role(name=name)


def make_user(name, password, project, *granted):
    user = identity.create_user(name=name, password=password, domain_id=domain.id, default_project_id=project.id)
    for role in granted:
        identity.assign_project_role_to_user(project, user, roles[role])


service_project = identity.create_project(name='service', domain_id=domain.id)
for user in sorted({service[0] for service in SERVICES}):
    make_user(user, 'lab', service_project, 'admin', 'service')
make_user('demo', 'demo', identity.create_project(name='demo', domain_id=domain.id), 'member', 'load-balancer_member')

for _, name, kind, url in SERVICES:
    service = identity.create_service(name=name, type=kind)
    for interface in ('public', 'internal', 'admin'):
        identity.create_endpoint(service_id=service.id, interface=interface, url=f'http://{IP}{url}', region_id='RegionOne')
