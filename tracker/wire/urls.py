"""The paths the client knows by heart: no trailing slash, no redirect, no cookie."""

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from tracker.wire.artifact_files import download_by_digest, download_by_name, transfer
from tracker.wire.auth import unauthorized, writer_in
from tracker.wire.errors import Refused, door
from tracker.wire.file_stream import file_stream
from tracker.wire.graphql.view import graphql
from tracker.wire.uploads import download, upload


@csrf_exempt
@door
def run_file(request: HttpRequest, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
    """One path, two meanings: the stream of a run, and its files."""
    if not (entity + project + run).isprintable():
        raise Refused("no names of anything", 404)
    if request.method in {"GET", "HEAD"}:
        return download(request, entity, project, run, name)
    if request.method != "POST" or name != "file_stream":
        return HttpResponseNotAllowed(["GET", "HEAD"])
    user, target = writer_in(request, entity, project)
    return unauthorized() if user is None else file_stream(request, user, target, entity, project, run)


@csrf_exempt
@door
def storage(request: HttpRequest, token: str) -> HttpResponse:
    return upload(request, token) if request.method == "PUT" else HttpResponseNotAllowed(["PUT"])


@csrf_exempt
@door
def artifact_storage(request: HttpRequest, token: str) -> HttpResponseBase:
    return transfer(request, token)


@door
def artifact_by_digest(request: HttpRequest, entity: str, rest: str, region: str = "") -> HttpResponseBase:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return download_by_digest(request, entity, rest)


@door
def artifact_file(request: HttpRequest, entity: str, project: str, artifact: str, name: str) -> HttpResponseBase:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return download_by_name(request, entity, project, artifact, name)


@csrf_exempt
def absent(request: HttpRequest, rest: str = "") -> HttpResponse:
    """404 turns the client's telemetry and token exchange off; any other answer would be taken for support."""
    return HttpResponseNotFound()


urlpatterns = [
    path("graphql", csrf_exempt(door(graphql)), name="wire-graphql"),
    path("files/<str:entity>/<str:project>/<str:run>/<path:name>", run_file, name="run-file"),
    path("storage/<str:token>", storage, name="wire-storage"),
    path("storage/artifacts/<str:token>", artifact_storage, name="wire-artifact-storage"),
    path("artifacts/<str:entity>/<str:rest>", artifact_by_digest),
    path("artifacts/<str:entity>/<str:project>/<str:artifact>/<path:name>", artifact_file, name="artifact-file"),
    path("artifactsV2/<str:region>/<str:entity>/<path:rest>", artifact_by_digest),
    path("sdk/otel/<path:rest>", absent),
    path("oidc/token", absent),
]
