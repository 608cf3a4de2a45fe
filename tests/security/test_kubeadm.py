import unittest

import kubeadm

THEIRS = {"certificate a key": "rsa", "certificate b key": "rsa", "x --flag": "1", "x --same": "2"}
OURS = {"certificate a key": "ec", "certificate b key": "ec", "x --same": "2", "y --new": "[a, b]"}


def row(what, theirs, ours, why="so"):
    return dict(zip(kubeadm.COLUMNS, (what, theirs, ours, why)))


ROWS = [row("`certificate * key`", "`rsa`", "`ec`"), row("`x --flag`", "`*`", "`–`"), row("`y --new`", "`–`", "`[a, b]`")]


class Kubeadm(unittest.TestCase):
    def setUp(self):
        self.found = kubeadm.differences(THEIRS, OURS)

    def test_differences(self):
        self.assertEqual(self.found[2:], [("x --flag", "1", "–"), ("y --new", "–", "[a, b]")])
        self.assertEqual(kubeadm.explained(self.found, ROWS), ([], []))

    def test_without_a_reason(self):
        self.assertEqual(kubeadm.explained(self.found, ROWS[:2])[0], [("y --new", "–", "[a, b]")])
        self.assertEqual(len(kubeadm.explained(self.found, [row("certificate * key", "rsa", "rsa2"), *ROWS[1:]])[0]), 2)

    def test_reasons_of_nothing(self):
        more = [*ROWS, row("x --same", "2", "3")]
        self.assertEqual(kubeadm.explained(self.found, more), ([], more[3:]))
        empty = [*ROWS[:2], row("y --new", "–", "*", "")]
        self.assertEqual(kubeadm.explained(self.found, empty)[1], empty[2:])
