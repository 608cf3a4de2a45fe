"""drift.py [CLUSTER]: changes the cluster's network behind davit's back: a rule less, a rule more, other name servers, a port without groups."""
import sys

import openstack

name = sys.argv[1] if len(sys.argv) > 1 else "demo"
network = openstack.connect(cloud="lab").network
registry, node = (network.find_security_group(f"{name}-{group}", ignore_missing=False) for group in ("registry", "node"))
for rule in network.security_group_rules(security_group_id=registry.id, port_range_min=5000):
    network.delete_security_group_rule(rule)
network.create_security_group_rule(security_group_id=node.id, direction="ingress", ether_type="IPv4", protocol="tcp",
                                   port_range_min=31, port_range_max=41, remote_ip_prefix="192.0.2.0/24")
network.update_subnet(network.find_subnet(name, ignore_missing=False), dns_nameservers=["192.0.2.53"])
network.update_port(network.find_port(f"{name}-workers-1", ignore_missing=False), security_groups=[])
