"""A TCP proxy that a test makes misbehave while connections run through it. One loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

PIECE = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: closing sends RST


@dataclass
class Faults:
    """What is wrong now; a test sets these at any time, `clear` mends everything."""

    latency_s: float = 0.0  # before each piece of an answer
    drip_s: float = 0.0  # answers travel byte by byte, with this pause between
    blackhole: bool = False  # whatever is sent vanishes, both ways; connections stay open
    refuse: bool = False  # new connections are reset as soon as they are made
    reset_after: int | None = None  # bytes of an answer that pass before the connection is reset
    half_close_after: int | None = None  # bytes of an answer that pass before its sender says that this was all

    def clear(self) -> None:
        """Let everything pass again."""
        self.__init__()  # type: ignore[misc]


@dataclass
class FaultProxy:
    """`port` leads to `target_port`."""

    target_port: int
    port: int = 0
    faults: Faults = field(default_factory=Faults)
    accepted: int = 0
    _loop: asyncio.AbstractEventLoop | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _handlers: int = 0

    @property
    def open_connections(self) -> int:
        """Connections of clients that are open now."""
        return len(self._open)

    def reset_all(self) -> None:
        """Reset every connection that is open."""
        assert self._loop is not None
        done = threading.Event()

        def reset() -> None:
            for writer in list(self._open):
                _reset(writer)
            done.set()

        self._loop.call_soon_threadsafe(reset)
        assert done.wait(10)

    async def serve(self, started: threading.Event, stop: asyncio.Event) -> None:
        """Run until `stop`."""
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        server.close()
        self.faults.clear()
        while self._handlers:
            for writer in list(self._open):
                writer.transport.abort()
            await asyncio.sleep(0.01)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._handlers += 1
        try:
            await self._handle(reader, writer)
        finally:
            self._handlers -= 1

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.faults.refuse:
            _reset(writer)
            return
        self._open.add(writer)
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            self._open.discard(writer)
            _reset(writer)
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, there[1], is_answer=False))
                tasks.create_task(self._pump(there[0], writer, is_answer=True))
        finally:
            self._open.discard(writer)
            for one in (writer, there[1]):
                one.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                if self.faults.blackhole:
                    continue
                if is_answer:
                    passed = await self._answer(data, writer, passed)
                else:
                    writer.write(data)
                    await writer.drain()
            while self.faults.blackhole:  # not even an end is heard of
                await asyncio.sleep(0.02)
            writer.write_eof()

    async def _answer(self, data: bytes, writer: asyncio.StreamWriter, passed: int) -> int:
        faults = self.faults
        if faults.latency_s:
            await asyncio.sleep(faults.latency_s)
        if faults.drip_s:
            for byte in data:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(self.faults.drip_s)
            return passed + len(data)
        for limit in (faults.reset_after, faults.half_close_after):
            if limit is not None and passed + len(data) > limit:
                writer.write(data[: max(0, limit - passed)])
                await writer.drain()
                if faults.reset_after is not None:
                    await asyncio.sleep(0.05)  # a reset overtakes what the other side has not read yet
                    _reset(writer)
                else:
                    writer.write_eof()
                raise ConnectionError("cut by the test")
        writer.write(data)
        await writer.drain()
        return passed + len(data)


def _reset(writer: asyncio.StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    if own is not None:
        with contextlib.suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@contextlib.contextmanager
def fault_proxy(target_port: int) -> Iterator[FaultProxy]:
    """Run a proxy before `target_port` of this machine."""
    proxy, started = FaultProxy(target_port), threading.Event()
    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(started, stop)))
    thread.start()
    try:
        assert started.wait(10)
        yield proxy
    finally:
        assert proxy._loop is not None
        proxy._loop.call_soon_threadsafe(stop.set)
        thread.join(10)
