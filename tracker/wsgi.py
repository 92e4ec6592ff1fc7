import os
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from tracker.memory import arenas_limit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
arenas_limit()
_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Addresses come with PATH_PREFIX; without it, from beside the proxy (`/healthz`)."""
    prefix, path = settings.PATH_PREFIX, environ["PATH_INFO"]
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        environ["PATH_INFO"] = path[len(prefix) :] or "/"
    return _django(environ, start_response)
