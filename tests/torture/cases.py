"""
A case is one fault in one phase of a cluster's life in a cloud, told by its name, PHASE:FAULT:CALL.  The run that meets the fault ends as
documented; the next one makes what was wanted, nothing twice; a delete leaves the project as it was; and nobody has printed a secret.
"""
import base64
import inspect
import os
import random
import shutil
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import sim
from davit import BALANCED, CLUSTER, WANTED, WANTED_BALANCED, Davit, private_lines
from faults import FAULTS
from proxy import Proxy

# Faults of one call that the next try, or a look at what has come of it, makes up for: nobody notices.
PASSING = {"500", "502", "503", "504", "500-after", "502-after", "503-after", "504-after", "429", "429-seconds", "429-date",
           "503-seconds", "drop", "drop-after", "cut", "stall", "stall-after", "stall-in-body", "slow", "401", "revoke",
           "revoke-and-move"}
KILLING = {"kill", "kill-after"}
CLOUD_FAILED, NODES_FAILED, LOCKED, LEFT_BEHIND, INTERRUPTED, KILLED = 4, 5, 6, 7, 130, -9
AT_ONCE = 12.0  # seconds from Ctrl-C to the end, at most, on the busiest machine; a call that stalls would take 30


class Wrong(Exception):
    """What was promised does not hold."""


def need(condition, text):
    if not condition:
        raise Wrong(text)


async def settled(value):
    """The simulation answers at once, a real cloud in time."""
    return await value if inspect.isawaitable(value) else value


@dataclass
class Target:
    """What the cases run on."""

    make: Callable = sim.Cloud  # the cloud of one case
    file: str = CLUSTER  # the cluster's
    wanted: dict = field(default_factory=lambda: WANTED)  # what comes of it
    timeout: float = 5  # of one call that may stall, in seconds
    counts: Callable = lambda request: True  # which calls have a number
    real: bool = False  # what one case leaves behind, the next one finds
    prefix: str = ""  # of its phases' names

    # What measure() learns of an undisturbed run: how many calls each phase has; how many rules it makes; and its authorities, which take
    # the longest to make and have nothing to do with the cloud: the others are given a copy.
    calls: dict = field(default_factory=dict)
    rules: int = 0
    pki: str = ""


TARGET = Target()
# the API's load balancer and its floating IP, which points nowhere at first: those calls alone are counted, the others fail in the cases above
WITH_BALANCER = Target(file=BALANCED, wanted=WANTED_BALANCED, prefix="balancer-",
                       counts=lambda request: request.target.startswith(("/load-balancer", "/network/v2.0/floatingips")))


@dataclass
class Case:
    """A cloud of its own, a davit of its own, and a proxy between them."""

    program: str
    folder: str
    name: str
    target: Target = None
    log: list = field(default_factory=list)
    secrets: set = field(default_factory=set)
    seconds: list = field(default_factory=list)  # exit statuses of other davits on the same cluster

    async def __aenter__(self):
        self.target = self.target or (WITH_BALANCER if self.name.startswith(WITH_BALANCER.prefix) else TARGET)
        self.cloud = self.target.make()
        self.proxy = await Proxy(self.handle, self.revoke, self.log.append, self.target.counts).__aenter__()
        self.cloud.origin = f"http://127.0.0.1:{self.proxy.port}"
        self.davit = self.new_davit(self.folder)
        self.proxy.kill, self.proxy.interrupt, self.proxy.second = self.davit.kill, self.davit.interrupt, self.second
        self.before = await self.listing()
        if os.path.isdir(self.target.pki) and not self.name.startswith(("journal-create:kill", "journal-create:count", "clock")):
            shutil.copytree(self.target.pki, f"{self.davit.state}/pki")
        return self

    def new_davit(self, folder):
        # where nothing stalls nothing is to time out, however long the simulation has to wait for a processor
        timeout = self.target.timeout if ":stall" in self.name else max(30, self.target.timeout)
        return Davit(self.program, folder, f"{self.cloud.origin}/identity/v3", self.cloud.identity.password, timeout, self.target.file)

    async def __aexit__(self, *_):
        self.proxy.arm(None, 0)
        if self.target.real and os.path.exists(f"{self.davit.state}/state.db"):  # it has failed
            await self.told("delete, to clean up", self.davit.delete())
        await self.proxy.__aexit__()
        self.davit.clean()

    async def handle(self, request):
        self.cloud.identity.moved = self.proxy.moved
        return await settled(self.cloud.handle(request))

    async def revoke(self, token):
        await settled(self.cloud.revoke(token))

    async def listing(self):
        return await settled(self.cloud.listing())

    async def second(self):
        other = self.new_davit(f"{self.folder}/second")
        for words in (("apply", "--cloud-only"), ("delete", "--yes")):
            self.seconds.append((await other.run(*words, "--state", self.davit.state)).status)

    # ---- runs ----

    async def told(self, what, running):
        run = await running
        self.log.append(f"--- {what}: exit status {run.status} after {run.seconds:.1f} s, {self.proxy.calls} calls\n{run.out}")
        self.look_for_secrets(run.out)
        return run

    def look_for_secrets(self, text):
        self.secrets |= {self.cloud.identity.password, *self.cloud.identity.issued, *self.davit.secrets()}
        for data in self.cloud.compute.user_data:
            self.secrets |= {*private_lines(data), base64.b64encode(data.encode()).decode()[60:120]}
        for secret in self.secrets:
            need(secret not in text, f"a secret is printed: {secret[:6]}…")

    async def apply(self, *words, **environment):
        return await self.told("apply", self.davit.apply(*words, **environment))

    async def delete(self, **environment):
        return await self.told("delete", self.davit.delete(**environment))

    # ---- what must hold ----

    async def made(self):
        """An undisturbed run makes all of it, a second one finds nothing to do."""
        self.proxy.arm(None, 0)
        run = await self.apply()
        need(run.status == 0, f"the next apply ends with {run.status}")
        await self.check_whole()
        run = await self.apply()
        need(run.status == 0 and "nothing to do" in run.out, "the apply after that finds something to do")

    async def check_whole(self):
        new = [line for line in await self.listing() if line not in self.before]
        wanted, known = self.target.wanted, self.target.rules
        kinds = Counter(kind for line in new for kind in [*wanted, "security_group_rule"] if line.startswith(kind + " "))
        kinds["server"] -= kinds["server group"]
        rules = kinds.pop("security_group_rule")
        need(dict(kinds) == wanted, f"the cloud has {dict(kinds)}, wanted {wanted}")
        need(known in (0, rules), f"the cloud has {rules} rules, wanted {known}")
        self.check_journal(new)

    def check_journal(self, new):
        text = "\n".join(new)
        for kind, name, id in self.davit.journal():
            need(id is not None and id in text, f"the state has {kind} {name} as {id}, the cloud does not")
        need(len(self.davit.journal()) == sum(self.target.wanted.values()), f"the state knows {len(self.davit.journal())} things")

    async def gone(self):
        self.proxy.arm(None, 0)
        run = await self.delete()
        need(run.status == 0, f"the last delete ends with {run.status}")
        await self.check_gone()

    async def check_gone(self):
        now = await self.listing()
        left = [line for line in now if line not in self.before]
        lost = [line for line in self.before if line not in now]
        need(not left, f"left behind: {left}")
        need(not lost, f"taken from others: {lost}")
        left = os.listdir(self.davit.state) if os.path.exists(self.davit.state) else []
        need(set(left) <= {"lock"}, f"the state's folder still has {left}")


def expect(case, fault, run, also=()):
    """The exit status of a run that met the fault."""
    if fault == "second":
        need(run.status == 0, f"exit status {run.status} of a run beside which another was begun")
        need(set(case.seconds) <= {LOCKED}, f"exit statuses {case.seconds} of others on the same cluster")
    elif fault.startswith("interrupt"):
        need(run.status in (INTERRUPTED, 0), f"exit status {run.status} of a run that was interrupted")
        need(run.after_interrupt < AT_ONCE, f"{run.after_interrupt:.1f} s from Ctrl-C to the end")
    elif fault in KILLING:
        need(run.status in (KILLED, 0), f"exit status {run.status} of a run that was killed")
    elif fault in PASSING and not (fault == "401" and "/auth/tokens" in str(case.proxy.hit)):
        need(run.status == 0, f"exit status {run.status}, though one such call is made up for")
    else:
        need(run.status in (0, CLOUD_FAILED, NODES_FAILED, *also), f"exit status {run.status}")


async def create(case, fault, call):
    case.proxy.arm(fault, call)
    run = await case.apply()
    hit = case.proxy.hit
    expect(case, fault, run)
    if run.status == 0:
        await case.check_whole()
    await case.made()
    await case.gone()
    return run, hit


async def resume(case, fault, call):
    """The first apply is killed somewhere in its middle."""
    calls = case.target.calls[f"{case.target.prefix}create"]
    case.proxy.arm("kill-after", random.Random(zlib.crc32(case.name.encode())).randint(calls // 4, calls * 3 // 4))
    await case.apply()
    return await create(case, fault, call)


async def delete(case, fault, call):
    case.proxy.arm(None, 0)
    need((await case.apply()).status == 0, "the first apply fails")
    case.proxy.arm(fault, call)
    run = await case.delete()
    hit = case.proxy.hit
    expect(case, fault, run, also=(LEFT_BEHIND,))
    if run.status == 0:
        await case.check_gone()
    await case.gone()
    return run, hit


PHASES = {prefix + phase.__name__: phase for prefix in ("", WITH_BALANCER.prefix) for phase in (create, resume, delete)}


async def measure(program, folder, target):
    """What the target's fields say of an undisturbed run."""
    create, resume, delete, pki = (target.prefix + word for word in ("create", "resume", "delete", "pki"))
    async with Case(program, f"{folder}/{target.prefix}measure", "measure", target) as case:
        need((await case.apply()).status == 0, "an undisturbed apply fails:\n" + "\n".join(case.log))
        target.calls[create] = target.calls[resume] = case.proxy.calls
        target.rules = sum(line.startswith("security_group_rule") and line not in case.before for line in await case.listing())
        shutil.copytree(f"{case.davit.state}/pki", f"{folder}/{pki}")
        case.proxy.arm(None, 0)
        await case.delete()
        target.calls[delete] = case.proxy.calls
        await case.check_gone()
    target.pki = f"{folder}/{pki}"


def names(calls):
    return [f"{phase}:{fault}:{n}" for phase in PHASES for fault in FAULTS for n in range(1, calls.get(phase, 0) + 1)]
