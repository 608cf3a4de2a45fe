"""
What goes wrong on the operator's side: davit is killed at any write of its state, the disk is full or read-only, the clock is wrong.
preload.c does it, or a small file system.  Cases are told as those of the cloud: PHASE:FAULT:N.
"""
import errno
import os
import subprocess
from datetime import datetime, timezone

from cases import KILLED, LEFT_BEHIND, NODES_FAILED, Case, need

LOCAL_FAILURE, REFUSED = 1, 3  # exit statuses
ERRNOS = {"full": errno.ENOSPC, "broken": errno.EIO}
SAYS = ("No space left", "is full", "I/O error", "Input/output error", "Read-only", "readonly")
PRELOAD = ""  # where build() has put it
SIZES = [*range(4, 132, 4), *range(132, 1032, 50)]  # KiB of a file system for the state
JUMPS = ("3600", "-3600", "86400", "-86400")  # seconds


def build(folder):
    global PRELOAD
    PRELOAD = f"{folder}/preload.so"
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "preload.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-o", PRELOAD, source, "-ldl"],
                   check=True)


def preload(case, **settings):
    return {"LD_PRELOAD": PRELOAD, "TORTURE_FOLDER": f"{case.folder}/state",
            **{f"TORTURE_{k.upper()}": str(v) for k, v in settings.items()}}


async def count(program, folder):
    """How many changes a create and a delete make to the state, from nothing to nothing."""
    counts = {}
    async with Case(program, f"{folder}/count", "journal-create:count") as case:
        for phase, run in (("journal-create", case.apply), ("journal-delete", case.delete)):
            await run(**preload(case, count=f"{folder}/changes"))
            with open(f"{folder}/changes", encoding="ascii") as f:
                counts[phase] = int(f.read())
    return counts


def expect(fault, run, hit, also=()):
    if fault in ERRNOS:
        need(run.status in (0, LOCAL_FAILURE, *also), f"exit status {run.status} of a run that could not write its state")
        last = run.out.rpartition("davit: error:")[2]
        need(run.status == 0 or any(s in last for s in SAYS), f"the error does not say what is wrong: {last}")
    else:
        need(run.status == KILLED or not hit, f"exit status {run.status} of a run that was killed")


def settings_of(fault, n):
    return {"how": ERRNOS.get(fault, fault), "at": n}


async def journal_create(case, fault, n):
    run = await case.apply(**preload(case, **settings_of(fault, n)))
    expect(fault, run, hit=run.status != 0, also=(NODES_FAILED,))
    await case.made()
    await case.gone()
    return run, run.status != 0 or None


async def journal_delete(case, fault, n):
    need((await case.apply()).status == 0, "the first apply fails")
    run = await case.delete(**preload(case, **settings_of(fault, n)))
    expect(fault, run, hit=run.status != 0, also=(LEFT_BEHIND,))
    await case.gone()
    return run, run.status != 0 or None


def mount(*words):
    subprocess.run(["mount", *words], check=True)


async def disk(case, fault, n):
    """A file system of n KiB for the state, or one that becomes read-only after n runs."""
    where = f"{case.folder}/state"
    os.makedirs(where, exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={n if fault == 'full' else 8192}k,mode=700", "torture", where)
    try:
        for _ in range(n if fault == "read-only" else 0):
            need((await case.apply()).status == 0, "the first apply fails")
        if fault == "read-only":
            mount("-o", "remount,ro", where)
        run = await case.apply("--dry-run") if fault == "read-only" and n else await case.apply()
        expect("full", run, True, also=(NODES_FAILED,))
        mount("-o", f"remount,rw,size=8192k", where)
        await case.made()
        await case.gone()
    finally:
        subprocess.run(["umount", where], check=True)
    return run, True


def not_before(path):
    told = subprocess.run(["openssl", "x509", "-noout", "-startdate", "-in", path], check=True, capture_output=True, text=True).stdout
    return datetime.strptime(told.strip().partition("=")[2], "%b %d %H:%M:%S %Y %Z").replace(tzinfo=timezone.utc)


async def clock(case, jump, after_ms):
    """CLOCK_REALTIME is wrong from so many milliseconds on, and tokens end after 3 s."""
    case.cloud.identity.life = 3
    wrong = preload(case, clock=jump, clock_after=after_ms)
    run = await case.apply(**wrong)
    if run.status == REFUSED:  # the checks before the first write compare it with the cloud's
        need(case.davit.journal() == [], "the checks refuse, and something was made")
        await case.gone()
        return run, True
    need(run.status == 0, f"exit status {run.status} where the clock is wrong by {jump} s")
    await case.check_whole()
    if abs(int(jump)) <= 3600:
        begin = not_before(f"{case.davit.state}/pki/ca.crt")
        need(begin <= datetime.now(timezone.utc), f"the authority is not valid before {begin}")
    need((await case.delete(**wrong)).status == 0, "the delete fails")
    await case.check_gone()
    need(len(case.cloud.identity.issued) < 12, f"{len(case.cloud.identity.issued)} logins: the tokens' life is not counted rightly")
    return run, True


PHASES = {"journal-create": journal_create, "journal-delete": journal_delete, "disk": disk, "clock": clock}


def names(counts):
    journal = [f"{phase}:{fault}:{n}" for phase in counts for fault in ("kill", "torn", *ERRNOS) for n in range(1, counts[phase] + 1)]
    disks = [f"disk:full:{n}" for n in SIZES] + [f"disk:read-only:{n}" for n in (0, 1)]
    return journal + (disks if can_mount() else []) + [f"clock:{jump}:{ms}" for jump in JUMPS for ms in (0, 200, 700, 1500)]


def can_mount():
    """In a mount namespace of our own only: nothing is left of it, however this ends."""
    return os.environ.get("TORTURE_NAMESPACE") == "1"
