"""HTTP/1.1 as messages over asyncio streams: just what a proxy needs that must be able to misbehave below HTTP."""
import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Request:
    method: str
    target: str
    headers: dict  # names in lower case
    body: bytes = b""

    @property
    def path(self):
        return unquote(urlsplit(self.target).path)

    @property
    def query(self):
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def json(self):
        return json.loads(self.body or b"{}")

    def __str__(self):
        return f"{self.method} {self.target}"


@dataclass
class Response:
    status: int
    body: bytes = b""
    headers: dict = field(default_factory=dict)

    def encode(self):
        """Head and body, as they go over the wire."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {self.status} {phrase}", *(f"{k}: {v}" for k, v in self.headers.items())]
        if self.status != 204:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode(), self.body


def answer(status, value=None, **headers):
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    if value is None:
        return Response(status, b"", headers)
    return Response(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


async def read_headers(reader):
    headers = {}
    while line := (await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


async def read_body(reader, headers, to_the_end=False):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0] or b"0", 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await read_headers(reader)  # trailers
        return body
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    return await reader.read() if to_the_end else b""


async def read_request(reader):
    """The next request, or None where the peer has hung up."""
    try:
        first = await reader.readline()
        if not first:
            return None
        method, target, _ = first.decode("latin-1").split()
        headers = await read_headers(reader)
        return Request(method, target, headers, await read_body(reader, headers))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def read_response(reader, method):
    status = int((await reader.readline()).split()[1])
    headers = await read_headers(reader)
    bare = method == "HEAD" or status in (204, 304)
    return Response(status, b"" if bare else await read_body(reader, headers, to_the_end=True), headers)
