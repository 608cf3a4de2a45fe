#!/usr/bin/env python3
"""registry.py ADDRESS PORT CERTIFICATE KEY CACHE: a registry that has all of the bundles in that folder already."""
import glob
import http.server
import os
import ssl
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        digest = self.path.rpartition("/")[2]
        found = glob.glob(f"{sys.argv[5]}/**/blobs/sha256/{digest.removeprefix('sha256:')}", recursive=True)
        self.send_response(200)
        self.send_header("Content-Length", str(os.stat(found[0]).st_size) if digest and found else "2")
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()
        self.wfile.write(b"{}")

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[3], sys.argv[4])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
