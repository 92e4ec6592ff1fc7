import subprocess
import time
import urllib.error
import urllib.request

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse


def healthz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers; the request fails with 500 otherwise."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


def answers(url: str, server: "subprocess.Popen[bytes]", *, within: float) -> bool:
    """Whether the server at this address has begun to answer; False once its process ends, or after so many seconds."""
    deadline = time.monotonic() + within
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False
