"""What the lints share: the files of the project, and C text without its comments and strings."""
import re
import subprocess
import sys

SOURCES = ("core/", "pki/", "manifests/", "provision/", "registry/", "bootstrap/", "cmd/")
TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def tracked(*suffixes):
    """Files that git knows or would take, sorted, with one of the suffixes (all without one)."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], check=True, capture_output=True, text=True).stdout
    return sorted(f for f in set(out.split("\0")) if f and f.endswith(suffixes or ""))


def sources():
    return [f for f in tracked(".c", ".h") if f.startswith(SOURCES)]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def code(text):
    """The text with comments and the insides of strings blanked; the lines stay where they are."""

    def blank(m):
        s = m[0]
        if s[0] in "\"'":
            return s[0] + s[0]
        return re.sub(r"[^\n]", " ", s)

    return TOKEN.sub(blank, text)


def report(findings, name):
    """Print the findings, and end with the status that tests/lint/run understands."""
    for f in findings:
        print(f)
    if findings:
        sys.exit(f"{name}: {len(findings)} finding{'s' if len(findings) > 1 else ''}")
