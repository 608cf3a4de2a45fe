"""One davit with a folder, a cloud and a state of its own, and what must hold of it."""
import asyncio
import os
import re
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass

CLUSTER = """apiVersion: davit/v1
kind: Cluster
metadata: {name: demo}
spec:
  platform: {version: 1.36.3}
  openstack: {cloud: torture, image: debian-12, externalNetwork: public}
  network: {cidr: 10.6.0.0/24}
  controlPlane: {flavor: m1.small, volume: {size: 20}}
  workerPools:
  - {name: workers, count: 2, flavor: m1.small, networks: [storage]}
  registry: {flavor: m1.small, volume: {size: 5}}
"""
WANTED = {"network": 1, "subnet": 1, "router": 1, "port": 7, "security_group": 3, "floatingip": 1, "keypair": 1, "server group": 2,
          "volume": 2, "server": 4}

BALANCED = CLUSTER.replace("  controlPlane:", "  api: {endpoint: octavia}\n  controlPlane:")
WANTED_BALANCED = WANTED | {"load balancer": 1, "floatingip": 2}


@dataclass
class Run:
    status: int
    out: str
    seconds: float
    after_interrupt: float = 0  # seconds from Ctrl-C to the end


class Davit:
    """`folder` is made, and removed by clean()."""

    def __init__(self, program, folder, auth_url, password, timeout=1.5, file=CLUSTER):
        self.program, self.folder, self.text, self.process = program, folder, file, None
        self.interrupted = None  # when
        self.state = os.path.join(folder, "state/davit", re.search(r"name: (\w+)", file)[1])
        self.environment = {"PATH": os.environ["PATH"], "HOME": folder, "XDG_STATE_HOME": f"{folder}/state",
                            "XDG_CACHE_HOME": f"{folder}/cache", "OS_CLIENT_CONFIG_FILE": f"{folder}/clouds.yaml"}
        os.makedirs(folder, mode=0o700)
        self.write("cluster.yaml", file)
        self.write("clouds.yaml", "clouds:\n  torture:\n    auth: {auth_url: '%s', username: demo, password: '%s', project_name: demo, "
                   "user_domain_name: Default, project_domain_name: Default}\n    api_timeout: %s\n" % (auth_url, password, timeout))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    async def run(self, *words, limit=1800, quiet=False, apart=False, stdin=asyncio.subprocess.DEVNULL, **environment):
        """With --debug, to see all that it may say, or quiet; apart: its standard output alone."""
        start = time.monotonic()
        self.interrupted = None
        self.process = await asyncio.create_subprocess_exec(
            self.program, *words, *([] if quiet else ["--debug"]), cwd=self.folder, env=self.environment | environment, stdin=stdin,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL if apart else asyncio.subprocess.STDOUT)
        too_long = asyncio.get_running_loop().call_later(limit, self.process.send_signal, signal.SIGABRT)
        out, _ = await self.process.communicate()
        too_long.cancel()
        end = time.monotonic()
        return Run(self.process.returncode, out.decode(errors="replace"), end - start, end - (self.interrupted or end))

    async def apply(self, *words, **kw):
        return await self.run("apply", "--cloud-only", *words, **kw)

    async def delete(self, **kw):
        return await self.run("delete", "--yes", **kw)

    async def kill(self):
        self.process.kill()
        await self.process.wait()

    def interrupt(self):
        """As Ctrl-C."""
        self.interrupted = time.monotonic()
        self.process.send_signal(signal.SIGINT)

    def secrets(self):
        """What the state holds that nobody may see."""
        found = [v for k, v in self.query("SELECT key, value FROM meta") if k.endswith(("password", "-key"))]
        for folder, _, names in os.walk(self.state):
            for name in names:
                with open(os.path.join(folder, name), encoding="latin-1") as f:
                    found += private_lines(f.read()) if not name.startswith("state.db") else []
        return found

    def journal(self):
        """What the state remembers of the cloud: (kind, name, id)."""
        return self.query("SELECT kind, name, id FROM resources")

    def query(self, sql):
        """Of a copy: who opens the data base itself mends what a killed davit has left, and that is the next one's to do."""
        for name in ("state.db", "state.db-wal"):
            copy = f"{self.folder}/look-{name}"
            if os.path.exists(f"{self.state}/{name}"):
                shutil.copyfile(f"{self.state}/{name}", copy)
            elif os.path.exists(copy):
                os.remove(copy)
        if not os.path.exists(f"{self.folder}/look-state.db"):
            return []
        try:
            with closing(sqlite3.connect(f"{self.folder}/look-state.db")) as db:
                return list(db.execute(sql))
        except sqlite3.OperationalError:
            return []  # killed before there was a table

    def clean(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def private_lines(text):
    """The lines inside private keys that are long enough to be unmistakable."""
    inside = re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END", text, re.DOTALL)
    return [line.strip() for block in inside for line in block.splitlines() if len(line.strip()) > 20]
