"""`manage.py serve` is told to end, to begin its workers anew, and to hand over to a new process, while it is asked."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live import LiveServer, own_database, serve

pytestmark = pytest.mark.client


def not_taken(error: Exception) -> bool:
    """The connection was refused, or was still waiting to be taken when the server closed: it got nothing of it."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return isinstance(reason, (ConnectionRefusedError, ConnectionResetError))


@contextmanager
def asking(live: LiveServer) -> Iterator[tuple[list[object], list[Exception]]]:
    """Four threads ask for a page, each time on a connection of its own, until the server is gone.

    What they were told, and how each found it gone.
    """
    said: list[object] = []
    gone: list[Exception] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                with urllib.request.urlopen(f"{live.url}/sign-in", timeout=60) as answer:
                    said.append(answer.status if answer.read().endswith(b"</html>\n") else "cut short")
            except Exception as error:
                if not_taken(error):
                    gone.append(error)
                    return
                said.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield said, gone
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def wait_for(true: Callable[[], bool], within: float = 60) -> None:
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def of_parent(pid: int) -> set[int]:
    """The ids of its children."""
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_no_request_is_lost_while_workers_begin_anew_a_new_process_takes_over_and_it_ends(tmp_path: Path) -> None:
    with own_database() as database, serve(tmp_path, database=database) as live:
        pid, workers = live.pid, of_parent(live.pid)
        with asking(live) as (said, gone):

            def answers_on() -> None:
                seen = len(said)
                wait_for(lambda: len(said) > seen + 20)

            answers_on()
            os.kill(pid, signal.SIGHUP)
            wait_for(lambda: len(of_parent(pid)) == len(workers) and not of_parent(pid) & workers)
            answers_on()

            workers = of_parent(pid)
            os.kill(pid, signal.SIGUSR2)
            wait_for(lambda: bool(of_parent(pid) - workers))
            (successor,) = of_parent(pid) - workers
            try:
                wait_for(lambda: ended(pid), within=120)
                answers_on()
                assert gone == []
            finally:
                os.kill(successor, signal.SIGTERM)
                wait_for(lambda: ended(successor))
        assert set(said) == {200}
