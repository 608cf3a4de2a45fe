#!/usr/bin/env python3
"""api_server.py CERT_AND_KEY FOLDER: what davit tunnel needs of an API server, on 127.0.0.1:6443.

/readyz answers 200 unless FOLDER/unready is there; /stream sends a line, and the next one once FOLDER/more is there.
"""
import http.server
import os
import ssl
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        if self.path == "/stream":
            self.close_connection = True
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"one\n")
            while not os.path.exists(sys.argv[2] + "/more"):
                time.sleep(0.05)
            self.wfile.write(b"two\n")
        elif self.path == "/readyz" and os.path.exists(sys.argv[2] + "/unready"):
            self.answer(500, b"etcd failed")
        else:
            self.answer(200, b"ok " + self.path.encode())

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 6443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
