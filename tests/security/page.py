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
