#!/usr/bin/env python3
"""swift_server.py FOLDER: OpenStack's own Swift (Debian's python3-swift) on the loopback, with its S3 API, and a Keystone of a few lines before it.

Swift is at 127.0.0.1:8080, Keystone at 127.0.0.1:5000/v3; S3 takes the key test:tester with the secret testing. Both see the account AUTH_test.
FOLDER has to be on a file system with extended attributes; /etc/swift is written. Ends with its standard input.
"""
import http.server
import json
import os
import subprocess
import sys
import threading
import time

from swift.common.ring import RingBuilder

PYTHON = "/usr/bin/python3"
FOLDER = sys.argv[1]
ETC = "/etc/swift"
PORTS = {"object": 6200, "container": 6201, "account": 6202}

PROXY = f"""[DEFAULT]
bind_ip = 127.0.0.1
bind_port = 8080
workers = 0
user = root
swift_dir = {ETC}
[pipeline:main]
pipeline = catch_errors gatekeeper keystone s3api tempauth proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:keystone]
paste.filter_factory = swift_tokens:filter_factory
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
allow_overrides = true
user_test_tester = testing .admin
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
"""

# tokens of the Keystone below, for whom what Swift has for Keystone's own is far too much; and tempauth wants a memcached
TOKENS = '''
class Cache:
    def get(self, key, **options):
        return None

    def set(self, key, value, **options):
        pass

    delete = get


def filter_factory(global_conf, **conf):
    def wrap(app):
        def call(env, start_response):
            env["swift.cache"] = Cache()
            token = env.get("HTTP_X_AUTH_TOKEN")
            if token == "good":
                env["swift.authorize_override"] = True
            elif token is not None:
                start_response("401 Unauthorized", [("Content-Length", "0")])
                return [b""]
            return app(env, start_response)
        return call
    return wrap
'''


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def make_ring(name):
    ring = RingBuilder(2, 1, 0)
    ring.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": PORTS[name], "device": "disk", "weight": 1.0})
    ring.rebalance()
    ring.get_ring().save(f"{ETC}/{name}.ring.gz")


def configure():
    os.makedirs(f"{FOLDER}/nodes/disk", exist_ok=True)
    os.makedirs(ETC, exist_ok=True)
    write(f"{ETC}/swift.conf", "[swift-hash]\nswift_hash_path_suffix = davit\n[storage-policy:0]\nname = one\ndefault = yes\n")
    write(f"{FOLDER}/swift_tokens.py", TOKENS)
    write(f"{FOLDER}/proxy.conf", PROXY)
    for name, port in PORTS.items():
        make_ring(name)
        write(f"{FOLDER}/{name}.conf", f"""[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = root
devices = {FOLDER}/nodes
mount_check = false
swift_dir = {ETC}
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
""")


def serve(name):
    code = f"from swift.common.wsgi import run_wsgi; import sys; sys.exit(run_wsgi('{FOLDER}/{name}.conf', '{name}-server'))"
    log = open(f"{FOLDER}/{name}.log", "w")
    return subprocess.Popen([PYTHON, "-c", code], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": FOLDER})


class Keystone(http.server.BaseHTTPRequestHandler):
    """Its first token is one that Swift does not know any more: it has to be renewed."""
    protocol_version = "HTTP/1.1"
    logins = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Keystone.logins += 1
        stamp = [time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() + s)) for s in (0, 3600)]
        endpoint = {"interface": "public", "region_id": "R", "region": "R", "url": "http://127.0.0.1:8080/v1/AUTH_test"}
        body = json.dumps({"token": {
            "issued_at": stamp[0], "expires_at": stamp[1], "user": {"id": "u"}, "project": {"id": "p", "name": "p"}, "roles": [],
            "catalog": [{"type": "object-store", "endpoints": [endpoint]}]}}).encode()
        self.send_response(201)
        self.send_header("X-Subject-Token", "good" if Keystone.logins > 1 else "old")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def main():
    configure()
    servers = [serve(name) for name in (*PORTS, "proxy")]
    keystone = http.server.ThreadingHTTPServer(("127.0.0.1", 5000), Keystone)
    threading.Thread(target=keystone.serve_forever, daemon=True).start()
    sys.stdin.read()
    for s in servers:
        s.terminate()


main()
