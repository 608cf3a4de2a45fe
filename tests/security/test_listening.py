import unittest

import listening
import page

SS = """\
udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=90,fd=13))
udp UNCONN 0 0 10.6.0.20%eth0:68 0.0.0.0:* users:(("systemd-network",pid=80,fd=20))
udp UNCONN 0 0 0.0.0.0:8472 0.0.0.0:*
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=100,fd=3))
tcp LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=100,fd=4))
tcp LISTEN 0 4096 127.0.0.1:10248 0.0.0.0:* users:(("kubelet",pid=7,fd=19))
tcp LISTEN 0 4096 127.0.0.1:10249 0.0.0.0:* users:(("kube-proxy",pid=8,fd=9))
tcp LISTEN 0 4096 127.0.0.1:10256 0.0.0.0:* users:(("kube-proxy",pid=8,fd=8))
tcp LISTEN 0 4096 127.0.0.1:41233 0.0.0.0:* users:(("containerd",pid=6,fd=11))
tcp LISTEN 0 4096 *:10250 *:* users:(("kubelet",pid=7,fd=20))
"""


class Listening(unittest.TestCase):
    def setUp(self):
        self.table = page.rows(listening.COLUMNS)

    def test_worker(self):
        self.assertEqual(listening.compare("worker", SS, self.table), [])

    def test_wider_than_said(self):
        wide = SS.replace("127.0.0.1:10249", "10.6.0.20:10249")
        self.assertEqual(
            listening.compare("worker", wide, self.table),
            ["tcp own 10249 kube-proxy is in no row of the table", "tcp loopback 10249 kube-proxy is not there"],
        )

    def test_another_program(self):
        other = SS + 'tcp LISTEN 0 5 0.0.0.0:8000 0.0.0.0:* users:(("python3",pid=9,fd=3))\n'
        self.assertEqual(listening.compare("worker", other, self.table), ["tcp all 8000 python3 is in no row of the table"])
        other = SS.replace('"sshd"', '"dropbear"')
        self.assertIn("tcp all 22 dropbear is in no row of the table", listening.compare("worker", other, self.table))

    def test_other_roles(self):
        wrong = listening.compare("control-plane", SS, self.table)
        self.assertIn("tcp all 6443 kube-apiserver is not there", wrong)
        self.assertIn("tcp own 2379 etcd is not there", wrong)
        self.assertIn("tcp loopback 2379 etcd is not there", wrong)
        self.assertIn("tcp loopback 10257 kube-controller is not there", wrong)
        self.assertIn("tcp all 10250 kubelet is in no row of the table", listening.compare("registry", SS, self.table))
