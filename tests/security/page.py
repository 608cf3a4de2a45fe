"""The tables of docs/security.md, which tests compare with what is there."""
import os

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "security.md")


def cells(line):
    """The cells of a row; "\\|" is no border."""
    return [c.strip().replace("\0", "|") for c in line.strip().replace("\\|", "\0").strip("|").split("|")]


def rows(columns, path=PAGE):
    """The rows of the one table whose first columns are these, as dictionaries by column."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    found = [i for i, line in enumerate(lines) if line.startswith("|") and cells(line)[: len(columns)] == columns]
    if len(found) != 1:
        raise SystemExit(f"{path}: {len(found)} tables with the columns {columns}, not one")
    head, table = cells(lines[found[0]]), []
    for line in lines[found[0] + 2 :]:
        if not line.startswith("|"):
            break
        row = cells(line)
        if len(row) != len(head):
            raise SystemExit(f"{path}: {len(row)} cells instead of {len(head)}: {line}")
        table.append(dict(zip(head, row)))
    return table


def reasons(columns, path=PAGE):
    """{key: reason} of a table of two columns; a key without a reason, or with two, is wrong."""
    found = {}
    for row in rows(columns, path):
        key, reason = row[columns[0]].replace("`", ""), row[columns[1]]
        if not reason or key in found:
            raise SystemExit(f"{path}: {'no reason' if not reason else 'two reasons'} for {key}")
        found[key] = reason
    return found


def judge(findings, known, what):
    """Findings {key: text} against the reasons: those without one, and reasons without a finding; what to say of both."""
    wrong = [f"{what} without a reason: {key}: {text}" for key, text in findings.items() if key not in known]
    return wrong + [f"a reason for what is no longer so: {key}" for key in known if key not in findings]
