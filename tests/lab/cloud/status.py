#!/usr/bin/python3
"""Each service of the lab: whether it runs, and what its processes and their children have in memory."""
import glob
import os

RUN, PAGE = '/lab/run', os.sysconf('SC_PAGESIZE')


def processes():
    """Session id -> resident bytes; every service leads a session of its own."""
    sessions = {}
    for path in glob.glob('/proc/[0-9]*/stat'):
        try:
            with open(path) as file:
                fields = file.read().rsplit(')', 1)[1].split()
        except OSError:
            continue
        sessions[int(fields[3])] = sessions.get(int(fields[3]), 0) + int(fields[21]) * PAGE
    return sessions


sessions = processes()
for path in sorted(glob.glob(f'{RUN}/*.pid')):
    name = os.path.basename(path)[:-4]
    with open(path) as file:
        pid = int(file.read())
    state = f'{sessions[pid] >> 20:6} MiB' if pid in sessions else '      dead'
    print(f'{name:<18}{state}')
print(f'{"all processes":<18}{sum(sessions.values()) >> 20:6} MiB')
