"""Stands between clients and servers on 127.0.0.1, and does to their requests what networks do."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any

_HEAD_END = b"\r\n\r\n"
_MOST_HEAD = 1 << 16
_HOLD = 10.0  # seconds, for which an answer is kept from a client: longer than it waits
_LATE = 4.0


class Gone(Exception):
    """The client is to find its connection closed."""


class Proxy:
    """Listens on `port` once entered. Each request goes to one of `backends` (ports), on a connection of its own;
    while `active`, one in `one_in` suffers. `counts`: of faults by kind, and of answers by status."""

    def __init__(self, backends: Sequence[int], *, seed: str, one_in: int) -> None:
        self.backends, self.port, self.active = backends, 0, False
        self.counts: Counter[str] = Counter()
        self.requests = 0
        self._random, self._one_in = Random(seed), one_in
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()  # the loop itself forgets them
        self._faults: dict[str, Callable[[bytes], Coroutine[Any, Any, bytes]]] = {
            "cut before all of the request is through": self._cut_before,
            "cut after the commit, before the answer": self._cut_after,
            "cut in the middle of the answer": self._cut_within,
            "answer swallowed": self._swallow,
            "delayed": self._delay,
            "sent twice at once": self._twice,
            "cut, and carried out late": self._carry_out_late,
        }

    def __enter__(self) -> Proxy:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self.port = starting.result(10).sockets[0].getsockname()[1]
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _keep(self, task: asyncio.Task[Any] | None) -> None:
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._keep(asyncio.current_task())
        try:
            answering = asyncio.create_task(self._answered(await _request(reader)))
            hanging_up = asyncio.create_task(reader.read(1))
            await asyncio.wait((answering, hanging_up), return_when=asyncio.FIRST_COMPLETED)
            hanging_up.cancel()
            if not answering.done():
                answering.cancel()  # and with it the server's connection is closed
                raise Gone
            writer.write(answering.result())
            await writer.drain()
        except (Gone, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        else:
            writer.close()

    async def _answered(self, request: bytes) -> bytes:
        self.requests += 1
        if self.active and self._random.randrange(self._one_in) == 0:
            kind = self._random.choice(self._kinds(request))
            self.counts[kind] += 1
            return await self._faults[kind](request)
        answer = await self._forward(request)
        if not answer:
            raise Gone
        self.counts[f"answers {answer[9:12].decode()}"] += 1
        return answer

    def _kinds(self, request: bytes) -> list[str]:
        head = request[:2000]
        if b"/file_stream " in head:
            return list(self._faults)
        # Of what a run is told by GraphQL, the order is that of arrival: a late copy would set it back. And a wandb
        # client gives its start up ("unexpected EOF") when the answer breaks off: nothing was logged, nothing is lost.
        never = {self._carry_out_late, self._cut_within} if b"wandb-core" in head else {self._carry_out_late}
        return [kind for kind, fault in self._faults.items() if fault not in never]

    async def _forward(self, request: bytes) -> bytes:
        """The whole answer; what there is of it when the server goes away meanwhile."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._random.choice(self.backends))
        try:
            writer.write(request)
            return await reader.read(-1)
        finally:
            writer.transport.abort()

    async def _cut_before(self, request: bytes) -> bytes:
        _, writer = await asyncio.open_connection("127.0.0.1", self._random.choice(self.backends))
        writer.write(request[: self._random.randrange(1, len(request))])
        await writer.drain()
        await asyncio.sleep(self._random.uniform(0, 0.2))
        writer.transport.abort()
        raise Gone

    async def _cut_after(self, request: bytes) -> bytes:
        await self._forward(request)
        raise Gone

    async def _cut_within(self, request: bytes) -> bytes:
        answer = await self._forward(request)
        return answer[: len(answer) // 2]

    async def _swallow(self, request: bytes) -> bytes:
        await self._forward(request)
        await asyncio.sleep(_HOLD)
        raise Gone

    async def _delay(self, request: bytes) -> bytes:
        await asyncio.sleep(self._random.uniform(0.2, 3))
        return await self._forward(request)

    async def _twice(self, request: bytes) -> bytes:
        answers = await asyncio.gather(self._forward(request), self._forward(request))
        return self._random.choice(answers)

    async def _carry_out_late(self, request: bytes) -> bytes:
        """As a server does that was waiting for a lock when its client gave up and asked another."""

        async def later() -> None:
            await asyncio.sleep(self._random.uniform(0.5, _LATE))
            for _ in range(20):
                try:
                    await self._forward(request)
                    return
                except OSError:
                    await asyncio.sleep(0.5)

        self._keep(asyncio.create_task(later()))
        raise Gone


async def _request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of the next request, made to be the only one of its connection."""
    head = await reader.readuntil(_HEAD_END)
    lines = head[: -len(_HEAD_END)].split(b"\r\n")
    named = {line.split(b":", 1)[0].strip().lower(): line for line in lines[1:]}
    length = int(named.pop(b"content-length", b":0").split(b":", 1)[1])
    named.pop(b"connection", None)
    body = await reader.readexactly(length)
    announced = [b"Content-Length: %d" % length, b"Connection: close"]
    return b"\r\n".join([lines[0], *named.values(), *announced]) + _HEAD_END + body
