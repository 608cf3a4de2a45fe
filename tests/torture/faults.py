"""
What can go wrong with one call.  A fault is a function of the exchange that answers (or does not) in place of the service; where its
name ends in "-after", the service has done what it was asked before.
"""
import asyncio
import time
from email.utils import formatdate

from wire import Response, answer

PAGE = b"<html><head><title>Bad Gateway</title></head><body><center><h1>Bad Gateway</h1></center><hr>nginx</body></html>"


class Hang(Exception):
    """No answer: the connection is closed, with what of it had been sent."""

    def __init__(self, sent=b""):
        super().__init__()
        self.sent = sent


def status(code, **headers):
    """The front end's own page, without the service."""

    async def fault(exchange):
        return Response(code, PAGE, {"Content-Type": "text/html"} | {k.replace("_", "-"): v for k, v in headers.items()})

    return fault


def status_after(code):
    async def fault(exchange):
        await exchange.forward()
        return Response(code, PAGE, {"Content-Type": "text/html"})

    return fault


async def limited_until(exchange):
    return Response(429, b"{}", {"Retry-After": formatdate(time.time() + 1, usegmt=True)})


async def drop(exchange):
    raise Hang


async def drop_after(exchange):
    await exchange.forward()
    raise Hang


async def cut(exchange):
    """The head and half of the body."""
    head, body = (await exchange.forward()).encode()
    raise Hang(head + body[: len(body) // 2])


async def stall(exchange):
    await exchange.hung_up()
    raise Hang


async def stall_after(exchange):
    await exchange.forward()
    await exchange.hung_up()
    raise Hang


async def stall_in_body(exchange):
    head, body = (await exchange.forward()).encode()
    exchange.send(head + body[: len(body) // 2])
    await exchange.hung_up()
    raise Hang


async def html(exchange):
    return Response(200, PAGE, {"Content-Type": "text/html"})


async def html_after(exchange):
    answered = await exchange.forward()
    return Response(answered.status, PAGE, {"Content-Type": "text/html"})


async def empty_after(exchange):
    return Response((await exchange.forward()).status)


async def garbage(exchange):
    raise Hang(b"SSH-2.0-OpenSSH_9.2p1\r\n")


async def slow(exchange):
    await asyncio.sleep(1)
    return await exchange.forward()


async def forged_401(exchange):
    return answer(401, {"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}})


async def revoke(exchange):
    """The token ends at Keystone, before the service sees it."""
    await exchange.revoke()
    return await exchange.forward()


async def revoke_and_move(exchange):
    """As revoke, and the catalog that comes with the next token has the services elsewhere."""
    await exchange.revoke()
    exchange.proxy.moved = True
    return await exchange.forward()


async def kill(exchange):
    await exchange.proxy.kill()
    raise Hang


async def kill_after(exchange):
    await exchange.forward()
    await exchange.proxy.kill()
    raise Hang


async def interrupt(exchange):
    exchange.proxy.interrupt()
    return await exchange.forward()


async def interrupt_stalled(exchange):
    """Ctrl-C while the answer is awaited."""
    exchange.proxy.interrupt()
    await exchange.hung_up()
    raise Hang


async def second(exchange):
    """Another davit on the same cluster, while the first one waits for this answer."""
    await exchange.proxy.second()
    return await exchange.forward()


FAULTS = {
    "500": status(500), "502": status(502), "503": status(503), "504": status(504),
    "500-after": status_after(500), "502-after": status_after(502), "503-after": status_after(503), "504-after": status_after(504),
    "429": status(429), "429-seconds": status(429, Retry_After="1"), "429-date": limited_until,
    "413-seconds": status(413, Retry_After="1"), "413": status(413), "503-seconds": status(503, Retry_After="1"),
    "drop": drop, "drop-after": drop_after, "cut": cut,
    "stall": stall, "stall-after": stall_after, "stall-in-body": stall_in_body,
    "html": html, "html-after": html_after, "empty-after": empty_after, "garbage": garbage, "slow": slow,
    "401": forged_401, "revoke": revoke, "revoke-and-move": revoke_and_move,
    "kill": kill, "kill-after": kill_after, "interrupt": interrupt, "interrupt-stalled": interrupt_stalled, "second": second,
    "gone": drop,  # for good: from this call on, until the run has ended
}
LASTING = {"gone"}
