#!/usr/bin/python3
"""start.py [NAME…]: start the services of /lab/etc/services (all, or those named and what they need), each as soon as
those that it needs are ready; return when all are. What runs already is left alone."""
import os
import re
import socket
import subprocess
import sys
import threading
import time

ETC, LOG, RUN = '/lab/etc', '/lab/log', '/lab/run'
PATIENCE = 300      # seconds for one service: the machine may be busy with other things, too


class Service:
    def __init__(self, line):
        self.name, needs, probe, command = (field.strip() for field in line.split('|', 3))
        self.needs = needs.split()
        self.probe, _, self.target = probe.partition(' ')
        self.command = re.sub(r'{(.*?)}', self.config_files, command).split()
        self.log = f'{LOG}/{self.name}.log'
        self.process = None
        self.ready = threading.Event()

    @staticmethod
    def config_files(match):
        return ' '.join(f'--config-file {ETC}/{name}' for name in ['common.conf', *match[1].split()])

    def runs(self):
        try:
            with open(f'{RUN}/{self.name}.pid') as file:
                os.kill(int(file.read()), 0)
            return True
        except (OSError, ValueError):
            return False

    def start(self):
        if os.path.exists(self.log):
            os.replace(self.log, self.log + '.1')
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd='/', start_new_session=True)
        with open(f'{RUN}/{self.name}.pid', 'w') as file:
            file.write(str(self.process.pid))

    def answers(self):
        if self.probe == 'file':
            return os.path.exists(self.target)
        if self.probe == 'log':
            with open(self.log, errors='replace') as log:
                return re.search(self.target, log.read())
        host, port = self.target.rsplit(':', 1)
        try:
            socket.create_connection((host, int(port)), 1).close()
            return True
        except OSError:
            return False

    def fail(self, why):
        with open(self.log, errors='replace') as log:
            tail = log.readlines()[-20:]
        print(f'lab: {self.name} {why}; the end of its log:', *[line.rstrip() for line in tail], sep='\n', file=sys.stderr, flush=True)
        os._exit(1)

    def bring_up(self, services, began):
        for need in self.needs:
            services[need].ready.wait()
        if not self.runs():
            self.start()
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if self.process and self.process.poll() is not None:
                self.fail(f'ended with status {self.process.returncode}')
            if time.monotonic() > deadline:
                self.fail(f'is not ready after {PATIENCE} s')
            time.sleep(0.1)
        self.ready.set()
        if os.environ.get('LAB_VERBOSE'):
            print(f'lab:   {self.name:<18} ready at {time.monotonic() - began:5.1f} s', flush=True)


def table():
    services = {}
    with open(f'{ETC}/services') as file:
        for line in file:
            if line.strip() and not line.startswith('#'):
                service = Service(line)
                services[service.name] = service
    return services


def closure(names, services):
    wanted = set()
    while names:
        name = names.pop()
        if name not in wanted:
            wanted.add(name)
            names += services[name].needs
    return wanted


def main():
    services, began = table(), time.monotonic()
    names = closure(sys.argv[1:] or list(services), services)
    threads = [threading.Thread(target=services[name].bring_up, args=(services, began), daemon=True)
               for name in services if name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


try:
    main()
except KeyboardInterrupt:
    os._exit(130)       # what was started stays for the next 'lab up' to clear away
