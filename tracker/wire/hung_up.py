"""Whether there is anybody left to answer."""

from __future__ import annotations

import socket

from django.http import HttpRequest


def has_hung_up(request: HttpRequest) -> bool:
    """Whether the other end of the request's connection has closed it: the client, or a proxy whose client has.

    Never where the server doesn't tell which connection it is.
    """
    connection = request.META.get("gunicorn.socket")
    if type(connection) is not socket.socket:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
