"""Somebody who runs davit's commands on a simulated cloud, and the tests of what they meet."""
import asyncio
import json
import os
import shutil
import tempfile
import traceback

from cases import Case, Wrong, need
from wire import Request, Response

DONE, WRONG_USE, REFUSED, LEFT, CHANGES, CANCELLED = 0, 2, 3, 7, 10, 130


class Operator(Case):
    """Somebody at a terminal, a cloud of their own, and beside it a mirror that has whatever it is asked for."""

    async def handle(self, request):
        if request.target.startswith("/mirror/"):
            return Response(200, b"0" * 64)
        return await super().handle(request)

    async def begin(self):
        """What is there before the test."""

    @property
    def mirror(self):
        return f"--mirror={self.cloud.origin}/mirror"

    async def says(self, status, *texts, words, lacks=()):
        """Runs davit; returns what it has printed. Without --debug: that is for torture."""
        run = await self.told(" ".join(words), self.davit.run(*words, quiet=True))
        self.compare(run, status, texts, lacks)
        return run.out

    def compare(self, run, status, texts, lacks=()):
        need(run.status == status, f"exit status {run.status}, not {status}")
        for text in texts:
            need(text in run.out, f"does not print '{text}'")
        for text in lacks:
            need(text not in run.out, f"prints '{text}'")

    async def reads(self, status, *words):
        """The JSON on its standard output."""
        run = await self.told(" ".join(words), self.davit.run(*words, "-o", "json", quiet=True, apart=True))
        self.compare(run, status, ())
        return json.loads(run.out)

    async def answers(self, answer, status, *texts, words):
        """At a terminal, on which it asks."""
        ours, theirs = os.openpty()
        os.write(ours, f"{answer}\n".encode())
        try:
            run = await self.told(" ".join(words), self.davit.run(*words, quiet=True, stdin=theirs))
        finally:
            os.close(ours)
            os.close(theirs)
        self.compare(run, status, texts)

    async def made(self):
        need((await self.apply()).status == DONE, "apply fails")

    def forget(self):
        shutil.rmtree(self.davit.state)

    async def untouched(self, lines):
        need(await self.listing() == lines, "something was changed")

    def ask(self, method, path, body=None):
        """Somebody else, with a token of the same project."""
        login = {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "demo", "password": self.cloud.identity.password}}}}}
        token = self.cloud.identity.login(Request("POST", "", {}, json.dumps(login).encode())).headers["X-Subject-Token"]
        answered = self.cloud.handle(Request(method, path, {"x-auth-token": token}, json.dumps(body).encode() if body else b""))
        need(answered.status < 300, f"{method} {path}: {answered.body}")
        return json.loads(answered.body) if answered.body else None

    def ours(self, kind, name):
        """Of the cluster's, not of those of others that bear the same names."""
        (found,) = [o for o in self.cloud.network.things[kind].named(name) if o["description"].startswith("davit:")]
        return found

    async def settled_cloud(self):
        for _ in range(100):
            self.cloud.settle()
            if all(o["provisioning_status"] == "ACTIVE" for o in self.cloud.balancer.all.values()):
                return
            await asyncio.sleep(0.05)


async def test(make, program, folder, function):
    name = function.__name__
    async with make(program, os.path.join(folder, name), name) as op:
        try:
            await op.begin()
            await function(op)
        except Wrong as w:
            return [str(w), *op.log]
        except Exception:  # of this program or of the simulation: the others go on
            return [traceback.format_exc(), *op.log]
    return None


async def main(make, all_tests, what, program, names):
    """make: Operator, or what is built on it."""
    tests = [t for t in all_tests if not names or t.__name__ in names]
    failed = 0
    print(f"1..{len(tests)}")
    with tempfile.TemporaryDirectory(prefix=f"davit-{what}-") as folder:
        for n, function in enumerate(tests, 1):
            wrong = await test(make, program, folder, function)
            failed += wrong is not None
            print(f"{'ok' if wrong is None else 'not ok'} {n} - {function.__name__.replace('_', ' ')}", flush=True)
            for line in "\n".join(wrong or []).splitlines():
                print(f"# {line}")
    return 1 if failed else 0
