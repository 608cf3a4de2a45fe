#!/usr/bin/env python3
"""listening.py ROLE: whether nodes of the role (control-plane, worker, registry, bastion) listen where docs/security.md says, and
nowhere else. Standard input: what "davit exec --role ROLE -o json -- sudo ss -Hltunp" has printed."""
import json
import re
import sys

import page

COLUMNS = ["on", "protocol", "address", "port", "program", "always", "for"]
PLACES = {
    "control-plane": ("every server", "node", "control plane"),
    "worker": ("every server", "node"),
    "registry": ("every server", "registry"),
    "bastion": ("every server",),
}


def reach(address):
    """"all", "loopback" or "own" (an address of the server that others reach)."""
    address = address.strip("[]").split("%")[0]
    if address in ("*", "0.0.0.0", "::"):
        return "all"
    return "loopback" if address == "::1" or address.startswith("127.") else "own"


def sockets(text):
    """{(protocol, reach, port, program)} of ss -Hltunp; the kernel's own have no program."""
    found = set()
    for line in text.splitlines():
        fields = line.split()
        address, _, port = fields[4].rpartition(":")
        program = re.search(r'users:\(\("([^"]+)"', line)
        found.add((fields[0], reach(address), port, program[1] if program else ""))
    return found


def wanted(role, table):
    """[(socket with "any" as its port where that is free, whether it has to be there)]"""
    rows = [r for r in table if r["on"] in PLACES[role]]
    return [
        # the kernel keeps 15 characters of a program's name
        ((r["protocol"], a, r["port"], r["program"][:15]), r["always"] == "yes")
        for r in rows
        for a in r["address"].split(", ")
    ]


def matches(socket, row):
    return socket == row or (row[2] == "any" and socket == (*row[:2], socket[2], row[3]))


def compare(role, text, table):
    """What is wrong on one node."""
    have, rows = sockets(text), wanted(role, table)
    wrong = [f"{' '.join(s).strip()} is in no row of the table" for s in sorted(have) if not any(matches(s, r) for r, _ in rows)]
    return wrong + [f"{' '.join(r).strip()} is not there" for r, always in rows if always and not any(matches(s, r) for s in have)]


def main():
    role, table = sys.argv[1], page.rows(COLUMNS)
    nodes = json.load(sys.stdin)["nodes"]
    wrong = [f"{n['name']}: {w}" for n in nodes for w in compare(role, n["stdout"], table)]
    print("\n".join(wrong) if wrong else f"{len(nodes)} of role {role} listen as the table says")
    sys.exit(1 if wrong or not nodes else 0)


if __name__ == "__main__":
    main()
