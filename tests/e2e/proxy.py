#!/usr/bin/env python3
"""proxy.py ADDRESS PORT: an HTTP proxy that tunnels (CONNECT), for who is davit:lab-proxy alone; tells of each tunnel in a line."""
import asyncio
import base64
import sys

ADDRESS, PORT = sys.argv[1], int(sys.argv[2])
KNOWN = base64.b64encode(b"davit:lab-proxy").decode()


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # the other end has gone
    finally:
        writer.close()


def judge(head):
    """What is answered, and the host and port that are meant."""
    first, *headers = head.split("\r\n")
    method, target, *_ = first.split()
    host, _, port = target.rpartition(":")
    if method != "CONNECT" or not port.isdigit():
        return "405 Method Not Allowed", None, None
    said = [h.split() for h in headers if h.lower().startswith("proxy-authorization:")]
    known = any(words[-1] == KNOWN for words in said)
    return ("200 Connection established" if known else "407 Proxy Authentication Required"), host, port


async def serve(reader, writer):
    try:
        answer, host, port = judge((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        writer.close()
        return
    there = None
    if answer.startswith("200"):
        try:
            there = await asyncio.open_connection(host, int(port))
        except OSError:
            answer = "502 Bad Gateway"
    print(answer.split()[0], f"{host}:{port}", flush=True)
    length = "" if there else "Content-Length: 0\r\nConnection: close\r\n"
    writer.write(f"HTTP/1.1 {answer}\r\n{length}\r\n".encode())
    if there is None:
        await writer.drain()
        writer.close()
        return
    await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))


async def main():
    server = await asyncio.start_server(serve, ADDRESS, PORT)
    print("listening", flush=True)
    await server.serve_forever()


asyncio.run(main())
