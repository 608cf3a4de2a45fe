"""
Between davit and the cloud: counts the calls, and lets one (or all from one on) meet a fault.  Behind it is a function from a request to
a response: a simulated cloud, or upstream.py's way to a real one.
"""
import asyncio

from faults import FAULTS, LASTING, Hang
from wire import read_request


class Exchange:
    """One request on one connection, as faults see it."""

    def __init__(self, proxy, request, reader, writer):
        self.proxy, self.request, self.reader, self.writer = proxy, request, reader, writer

    async def forward(self):
        return await self.proxy.backend(self.request)

    async def revoke(self):
        await self.proxy.revoke(self.request.headers.get("x-auth-token"))

    def send(self, data):
        self.writer.write(data)

    async def hung_up(self):
        """Until the client has closed the connection (it sends nothing before the answer)."""
        await self.reader.read()


class Proxy:
    def __init__(self, backend, revoke, say=lambda line: None, counts=lambda request: True):
        self.backend, self.revoke, self.say, self.counts = backend, revoke, say, counts
        self.kill = self.interrupt = self.second = None  # what is done to davit besides; set by whoever runs it
        self.arm(None, 0)

    def arm(self, fault, at):
        """From now on: the call number `at` (from 1, of those that count) meets the fault of that name."""
        self.fault, self.at, self.calls, self.hit = fault, at, 0, None
        self.moved = False

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        self.connections = set()
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.connections:
            task.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)

    def meets(self, request):
        counted = self.counts(request)
        self.calls += counted
        if self.fault is None or not ((counted and self.calls == self.at) or (self.calls >= self.at and self.fault in LASTING)):
            return None
        self.hit = self.hit or str(request)
        self.say(f"call {self.calls}: {self.fault} at {request}")
        return FAULTS[self.fault]

    async def serve(self, reader, writer):
        task = asyncio.current_task()
        self.connections.add(task)
        try:
            while request := await read_request(reader):
                fault = self.meets(request)
                exchange = Exchange(self, request, reader, writer)
                answered = await (fault(exchange) if fault else exchange.forward())
                writer.write(b"".join(answered.encode()))
                await writer.drain()
        except Hang as h:
            writer.write(h.sent)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.connections.discard(task)
            writer.close()
