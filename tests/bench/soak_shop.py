"""The storefront of `tests.bench.soak`: `python -m tests.bench.soak_shop PORT`.

/body/NUMBER/SIZE/FRAMING gives a body that anybody can make again (`body_of`), or breaks off in its middle; /upload
answers with the SHA-256 of what came, or, now and then, does not wait for it; /chat is a WebSocket that repeats.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.http.shop import read_request


def body_of(number: int, size: int) -> bytes:
    """A page of text that begins with its number and the SHA-256 of the rest."""
    words = random.Random(number).randbytes(64).hex().encode()
    rest = (words * (size // len(words) + 1))[:size]
    return b"%d %b %b" % (number, hashlib.sha256(rest).hexdigest().encode(), rest)


async def _served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
        while True:
            asked = await read_request(reader)
            target = asked.line.split()[1].decode()
            if target.startswith("/upload/"):
                writer.write(_answer(hashlib.sha256(asked.body).hexdigest().encode(), "length"))
            elif not await _give_body(target, writer):
                break
            await writer.drain()
    writer.close()


async def _give_body(target: str, writer: asyncio.StreamWriter) -> bool:
    """Whether the connection goes on."""
    _, _, number, size, framing = target.split("/")
    answer = _answer(body_of(int(number), int(size)), framing.removeprefix("break-"))
    if int(number) % 3 == 0:
        await asyncio.sleep(random.random() / 20)
    if framing.startswith("break-"):
        writer.write(answer[: len(answer) // 2])
        await writer.drain()
        return False
    for start in range(0, len(answer), 100_000):
        writer.write(answer[start : start + 100_000])
        await writer.drain()
        if int(number) % 7 == 0:
            await asyncio.sleep(random.random() / 50)
    return framing != "close"


def _answer(body: bytes, framing: str) -> bytes:
    kind = b"text/html; charset=utf-8" if framing == "page" else b"text/plain"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: " + kind
    if framing == "chunked":
        pieces = [body[start : start + 7_000] for start in range(0, len(body), 7_000)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    if framing == "close":
        return head + b"\r\nConnection: close\r\n\r\n" + body
    return head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def _repeat(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in connection:
            await connection.send(message)


async def _either(port: int) -> None:
    """One port for both: a handshake goes to a WebSocket server on another, byte for byte."""
    async with serve(_repeat, "127.0.0.1", 0, max_size=None, compression=None) as sockets:
        inner = next(iter(sockets.sockets)).getsockname()[1]

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            first = await reader.read(1 << 16)
            if b"upgrade: websocket" in first.lower():
                await _tunnel(first, reader, writer, inner)
            else:
                rest = asyncio.StreamReader()
                rest.feed_data(first)
                feeding = asyncio.create_task(_feed(reader, rest))
                await _served(rest, writer)
                feeding.cancel()

        server = await asyncio.start_server(accept, "127.0.0.1", port, limit=1 << 22, backlog=1024)
        await server.serve_forever()


async def _feed(source: asyncio.StreamReader, sink: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await source.read(1 << 16):
            sink.feed_data(piece)
    sink.feed_eof()


async def _tunnel(first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
    there_writer.write(first)

    async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(1 << 16):
                sink.write(piece)
                await sink.drain()
        sink.close()

    await asyncio.gather(one_way(reader, there_writer), one_way(there_reader, writer))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_either(int(sys.argv[1])))
