"""What came of the cases: in memory, in a file that a later run reads, and as people and ./check read it."""
import json
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

PROGRESS = 60  # seconds from one line about how far it is to the next


@dataclass
class Result:
    """What came of one case."""

    name: str
    met: str | None  # the call that met the fault; None: the run was over before
    status: int = 0  # of the run that met it
    seconds: float = 0  # that it took
    wrong: str | None = None  # what of the promises does not hold
    took: float = 0  # seconds of the whole case
    log: list = field(default_factory=list)  # where it is asked for


class Journal:
    """The results so far, in a file of a line each where there is one."""

    def __init__(self, path):
        self.path, self.file, self.results = path, None, {}
        if path is None:
            return
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                self.results = {r.name: r for r in (Result(**json.loads(line)) for line in f if line.endswith("\n"))}
        self.file = open(path, "a", encoding="utf-8")  # pylint: disable=consider-using-with

    def passed(self, name):
        return name in self.results and self.results[name].wrong is None

    def add(self, result):
        self.results[result.name] = result
        if self.file:
            self.file.write(json.dumps(asdict(result) | {"log": []}) + "\n")
            self.file.flush()
        if self.path and result.wrong is not None:
            with open(f"{self.path}.{result.name}", "w", encoding="utf-8") as f:
                f.writelines(line + "\n" for line in result.log)

    def failed(self):
        return [r for r in self.results.values() if r.wrong is not None]

    def groups(self):
        """Of each phase and fault those results in which a call met it."""
        found = {}
        for r in self.results.values():
            if r.wrong is None and r.met is not None:
                found.setdefault(r.name.rpartition(":")[0], []).append(r)
        return sorted(found.items())

    def tell(self, suite):
        lines = [f"passed\t{suite}\t{group}: {len(results)} times" for group, results in self.groups()]
        lines += [f"failed\t{suite}\t{r.name}: {r.wrong}" for r in self.failed()]
        if "RESULTS" in os.environ:
            with open(os.environ["RESULTS"], "a", encoding="utf-8") as f:
                f.writelines(line + "\n" for line in lines)
        for group, results in self.groups():
            ends = sorted(Counter(r.status for r in results).items())
            told = ", ".join(f"{n} × {status}" for status, n in ends)
            print(f"{group:28} {len(results):4} times; exit status: {told}; longest {max(r.seconds for r in results):.1f} s")


class Watch:
    """What is printed meanwhile."""

    def __init__(self, options, total):
        self.options, self.total, self.start, self.done, self.failed = options, total, time.monotonic(), 0, 0
        self.next = self.start + PROGRESS

    def seconds(self):
        return time.monotonic() - self.start

    def add(self, r):
        self.done += 1
        self.failed += r.wrong is not None
        if r.wrong is not None:
            print(f"FAILED {r.name}: {r.wrong}", flush=True)
        elif self.options.cloud:
            print(f"{r.name}: {r.met or 'not met'}; exit status {r.status}; {r.took:.0f} s", flush=True)
        if self.options.log:
            print("\n".join(r.log))

    def progress(self):
        if time.monotonic() < self.next:
            return
        self.next += PROGRESS
        left = self.seconds() / max(self.done, 1) * (self.total - self.done) / 60
        print(f"{self.done} of {self.total} cases, {self.failed} failed, {self.seconds() / 60:.0f} min" +
              (f"; about {left:.0f} more" if self.options.all or self.options.cases else ""), flush=True)
