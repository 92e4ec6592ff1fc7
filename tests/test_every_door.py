"""Every route and every GraphQL field, asked by everybody. One that is new fails here until it has its answers."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import uuid
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from string import Template
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver

from projects import access
from projects.layout import Layout
from projects.models import ApiKey, Project, SignInTry, Visibility, Workspace
from projects.project_settings import project_delete, visibility_set
from projects.query.grouping import groups
from projects.query.runset import RUN, Field, Runset
from projects.saved_views import Content, view_write
from runs import artifacts, ingest, sweeps
from runs.models import Artifact, ArtifactCollection, ArtifactManifest, Run, Sweep, SweepAgent
from tests.factories import log_artifact, log_run, make_sweep
from tests.projects.cast import Cast, make_cast
from tracker.wire.graphql.artifacts import artifact_key
from tracker.wire.graphql.view import schema

pytestmark = pytest.mark.django_db

SECRET = "s3cr3t"
MD5 = base64.b64encode(hashlib.md5(SECRET.encode()).digest()).decode()
METHODS = ("get", "post", "put", "patch", "delete")
# What a stranger and somebody signed in nowhere are answered (GET) where no project is asked for.
OPEN = {
    "": (200, 302),
    "healthz": (200, 200),
    "metrics": (404, 404),
    "graphql": (405, 405),
    "storage/<str:token>": (405, 405),
    "storage/artifacts/<str:token>": (403, 403),
    "artifacts/<str:entity>/<str:rest>": (404, 404),
    "artifactsV2/<str:region>/<str:entity>/<path:rest>": (404, 404),
    "sdk/otel/<path:rest>": (404, 404),
    "oidc/token": (404, 404),
    "api/": (200, 200),
    "api/schema/": (200, 200),
    "api/projects": (200, 200),
    "sign-in": (302, 200),
    "sign-in/<str:token>": (200, 200),
    "sign-out": (405, 405),
    "theme": (405, 405),
    "account": (200, 302),
    "account/keys": (302, 302),
    "account/keys/<int:key_id>/revoke": (302, 302),
    "account/password": (302, 302),
    "account/people": (302, 302),
    "authorize": (200, 302),
    "search": (200, 200),
    "inbox": (200, 302),
    "teams/new": (200, 302),
    "teams/<str:entity>": (404, 302),
    "<str:entity>": (404, 404),
}
# What has to be asked for where a route alone is not enough: in the address, and as a form.
ASKED = {
    "<str:entity>/<str:project>/group-menu": "group=group&of={group}",
    "<str:entity>/<str:project>/colour": "group=group&of={group}",
    "<str:entity>/<str:project>/grouping-presets": "do=create&name=mine&group=config.lr",
    "<str:entity>/<str:project>/line-plot": "metric=loss",
    "<str:entity>/<str:project>/line-plot.csv": "metric=loss",
    "<str:entity>/<str:project>/line-plot/settings": "metric=loss",
    "<str:entity>/<str:project>/column-menu": "of=summary.loss",
    "<str:entity>/<str:project>/values": "field=group",
    "<str:entity>/<str:project>/results": "rows=group",
    "<str:entity>/<str:project>/compare": "group=group",
    "<str:entity>/<str:project>/runs/compare": "runs=r",
    "api/<str:entity>/<str:project>/series": "metric=loss",
    "api/<str:entity>/<str:project>/groups": "group=group",
    "api/<str:entity>/<str:project>/results": "rows=group",
    "api/<str:entity>/<str:project>/compare": "group=group",
}
# Routes to a project that a viewer's GET alone does not read: they take POST, are for writers, lead on, or want more.
NOT_READ = {
    f"<str:entity>/<str:project>/{rest}"
    for rest in (
        "bulk",
        "colour",
        "figures",
        "grouping-presets",
        "group-menu",
        "runs/<str:run>/edit",
        "settings",
        "summary-plot",
        "summary-plot.csv",
        "sweeps/<str:sweep>",
        "workspace",
    )
}
# Of what is neither there nor visible: not found, wrong method, not signed in.
REFUSED = {401, 404, 405}


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Route → its parameters' converters."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route, pattern.pattern.converters


ROUTES = dict(routes(get_resolver().url_patterns))
OF_A_PROJECT = sorted(route for route, parts in ROUTES.items() if {"entity", "project"} <= parts.keys())


def fill() -> Cast:
    cast = make_cast()
    log_run(
        cast.project, "r", [{"loss": 1.0, f"{SECRET}/loss": 1.0}, {"loss": 2.0}],
        config={SECRET: SECRET}, group=SECRET, tags=[SECRET], summary={SECRET: 1.0},
    )  # fmt: skip
    run = Run.objects.get()
    stored = default_storage.save(f"runs/{SECRET}", ContentFile(SECRET.encode()))
    ingest.file_stored(run_id=run.id, name="a.txt", stored_as=stored, size=6, md5="", content_type="text/plain")
    log_artifact(run, {"a.txt": SECRET.encode()}, description=SECRET, client_id="client")
    begun = artifacts.artifact_create(
        project_id=cast.project.id, run_id=run.id, new=artifacts.NewArtifact(name="data", type="dataset", digest="d")
    )
    sweep = make_sweep(cast.project)
    sweeps.agent_create(sweep_id=sweep.id, host="h", user_name="olga")
    artifacts.manifest_create(artifact=begun, base=None, digest=MD5)
    log_run(cast.project, "alone", [{"loss": 1.0}])
    empty = Content(query="", layout=Layout())
    view_write(project=cast.project, user=None, id=uuid.uuid4(), name="Seeds", content=empty)
    return cast


@pytest.fixture(scope="module")
def filled(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Cast, Path]]:
    """Once for all tests, with where its files are; what a test writes is gone after it."""
    files = tmp_path_factory.mktemp("files")
    storages = settings.STORAGES | {"default": settings.STORAGES["default"] | {"OPTIONS": {"location": files}}}
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(STORAGES=storages):
            cast = fill()
        yield cast, files
        transaction.set_rollback(True)


@pytest.fixture
def cast(filled: tuple[Cast, Path], tmp_path: Path) -> Cast:
    cast, files = filled
    shutil.copytree(files, tmp_path / "files")
    return deepcopy(cast)


def client_of(cast: Cast, who: str) -> Client:
    """Signed in, and with a key: whichever a door asks for."""
    client = cast.as_(who)
    client.raise_request_exception = False
    if who != "anonymous":
        key = access.api_key_create(user=getattr(cast, who))
        client.defaults["HTTP_AUTHORIZATION"] = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
    return client


def addresses(route: str, **kept: str) -> list[str]:
    """The route with what there is: a new parameter has to be named here."""
    there = {
        "entity": "lab", "project": "digits", "run": "r", "token": "made-up", "region": "eu", "type": "dataset",
        "sweep": Sweep.objects.get().name,
        "group": "", "version": "v0", "artifact": "data:v0", "rest": base64.b64decode(MD5).hex(),
    } | kept  # fmt: skip
    names = {"PathConverter": ("a.txt", "file_stream"), "StringConverter": ("data",)}.get(
        type(ROUTES[route].get("name")).__name__, ("",)
    )
    found = []
    for name in names:
        path = route
        for part in ROUTES[route]:
            value = name if part == "name" else _key_of_the_owner() if part == "key_id" else there[part]
            path = re.sub(rf"<\w+:{part}>", value, path)
        assert "<" not in path
        query = ASKED[route].format(group=_group()) if route in ASKED else ""
        found.append(f"/{path}?{query}")
    return found


def _group() -> str:
    return groups(Project.objects.get(name="digits"), Runset(fields=(Field(RUN, "group"),), grouped=True))[0].id


def _key_of_the_owner() -> str:
    return str(ApiKey.objects.filter(user__username="olga").values_list("pk", flat=True).first())


def ask(client: Client, method: str, path: str) -> tuple[int, bytes]:
    """Status, and the answer without what is drawn by lot for each (a form's token)."""
    form = path.partition("?")[2]
    body = (form, "application/x-www-form-urlencoded") if form else ("{}", "application/json")
    answer = client.get(path) if method == "get" else getattr(client, method)(path, *body)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer.status_code, re.sub(rb"[A-Za-z0-9]{64}", b"", content)


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows, but for what asking itself changes: sessions, keys (when one was used), who signed in."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model not in {Session, ApiKey, SignInTry}:
            fields = [field.attname for field in model._meta.concrete_fields if field.name != "last_login"]
            found[model._meta.db_table] = sorted(model._base_manager.values_list(*fields), key=repr)
    return found


def test_every_route_asks_for_a_project_or_has_its_answers() -> None:
    assert ROUTES.keys() - set(OF_A_PROJECT) == OPEN.keys()


@pytest.mark.parametrize("route", sorted(OPEN))
def test_routes_of_no_project_say_nothing_of_others(cast: Cast, route: str) -> None:
    clients = [client_of(cast, who) for who in ("owner", "stranger", "anonymous")][1:]
    before = everything()
    for (path,) in [addresses(route)]:
        assert tuple(ask(client, "get", path)[0] for client in clients) == OPEN[route]
        for client in clients:
            for method in METHODS:
                status, content = ask(client, method, path)
                assert status < 500
                assert SECRET.encode() not in content
    assert everything() == before
    assert ApiKey.objects.filter(user=cast.owner, revoked_at=None).exists()


@pytest.mark.parametrize("route", OF_A_PROJECT)
def test_a_project_is_there_for_its_members_and_for_a_stranger_as_if_it_were_not(cast: Cast, route: str) -> None:
    before = everything()
    for who in ("stranger", "anonymous"):
        client = client_of(cast, who)
        for hidden, missing in zip(addresses(route), addresses(route, project="digitz"), strict=True):
            for method in METHODS:
                status, content = ask(client, method, hidden)
                assert status in REFUSED, (who, method, hidden)
                assert SECRET.encode() not in content
                assert (status, content.replace(b"digits", b"digitz")) == ask(client, method, missing)
    assert everything() == before
    for who in ("viewer", "teammate", "owner"):
        client = client_of(cast, who)
        said = {ask(client, method, path)[0] for path in addresses(route) for method in ("get", "post")}
        assert all(status < 500 for status in said)
        assert who == "viewer" or said - REFUSED, f"nobody is ever let in to {route}"


@pytest.mark.parametrize("route", OF_A_PROJECT)
def test_a_public_project_is_read_as_by_a_viewer_and_written_by_nobody_else(cast: Cast, route: str) -> None:
    visibility_set(project=cast.project, visibility=Visibility.PUBLIC)
    before = everything()
    viewer = client_of(cast, "viewer")
    read = [ask(viewer, "get", path)[0] for path in addresses(route)]
    for who in ("stranger", "anonymous"):
        client = client_of(cast, who)
        assert [ask(client, "get", path)[0] for path in addresses(route)] == read
        for path in addresses(route):
            for method in METHODS:
                assert ask(client, method, path)[0] < 500
    assert everything() == before
    assert set(read) & {200} or route in NOT_READ


@pytest.mark.parametrize("route", OF_A_PROJECT)
def test_a_deleted_project_is_gone_for_its_admin_too(cast: Cast, route: str) -> None:
    asked = addresses(route), addresses(route, project="digitz")
    project_delete(project=cast.project)
    before, client = everything(), client_of(cast, "owner")
    for gone, missing in zip(*asked, strict=True):
        for method in METHODS:
            status, content = ask(client, method, gone)
            assert status in REFUSED, (method, gone)
            assert (status, content.replace(b"digits", b"digitz")) == ask(client, method, missing)
    assert everything() == before


_PROJECT = '(entityName: "lab", name: "digits") { id name runs { edges { node { name config tags historyKeys } } } }'
_ALIASES = (
    'input: {artifactID: "$ARTIFACT", aliases:'
    ' [{entityName: "lab", projectName: "digits", artifactCollectionName: "data", alias: "best"}]}'
)
_TAGS = 'input: {entityName: "lab", projectName: "digits", artifactCollectionName: "data", tags: [{tagName: "t"}]}'
# Field → what to ask; $NAMES are of known_ids.
FIELDS = {
    "Query.viewer": "{ viewer { id entity username teams { edges { node { name } } } } }",
    "Query.serverInfo": "{ serverInfo { cliVersionInfo } }",
    "Query.entity": '{ entity(name: "lab") { id name } }',
    "Query.project": f"{{ project{_PROJECT} }}",
    "Query.model": f"{{ model{_PROJECT} }}",
    "Mutation.upsertBucket": (
        'mutation { upsertBucket(input: {entityName: "lab", modelName: "digits", name: "r", groupName: "taken"})'
        " { bucket { id name config } } }"
    ),
    "Mutation.createRunFiles": (
        'mutation { createRunFiles(input: {entityName: "lab", projectName: "digits", runName: "r", files: ["b"]})'
        " { runID files { name uploadUrl } } }"
    ),
    "Mutation.markRunFilesUploaded": (
        'mutation { markRunFilesUploaded(input: {entityName: "lab", projectName: "digits", runName: "r",'
        ' files: ["a.txt"]}) { success } }'
    ),
    "Mutation.stopRun": 'mutation { stopRun(input: {id: "$RUN"}) { success } }',
    "Mutation.rewindRun": (
        'mutation { rewindRun(input: {entityName: "lab", projectName: "digits", runName: "r",'
        ' metricName: "_step", metricValue: 0}) { rewoundRun { id name } } }'
    ),
    "Query.artifact": '{ artifact(id: "$ARTIFACT") { id description } }',
    "Query.artifactCollection": '{ artifactCollection(id: "$COLLECTION") { id name } }',
    "Query.clientIDMapping": '{ clientIDMapping(clientID: "client") { serverID } }',
    "Mutation.createArtifact": (
        'mutation { createArtifact(input: {entityName: "lab", projectName: "digits", runName: "r",'
        ' artifactTypeName: "dataset", artifactCollectionName: "new", digest: "d"}) { artifact { id } } }'
    ),
    "Mutation.createArtifactManifest": (
        'mutation { createArtifactManifest(input: {artifactID: "$BEGUN", name: "m", digest: "$MD5", entityName: "lab",'
        ' projectName: "digits", runName: "r"}) { artifactManifest { id file { uploadUrl } } } }'
    ),
    "Mutation.updateArtifactManifest": (
        'mutation { updateArtifactManifest(input: {artifactManifestID: "$MANIFEST", digest: "$MD5"})'
        " { artifactManifest { id file { uploadUrl } } } }"
    ),
    "Mutation.createArtifactFiles": (
        'mutation { createArtifactFiles(input: {artifactFiles: [{artifactID: "$BEGUN", name: "b", md5: "$MD5"}]})'
        " { files { edges { node { uploadUrl } } } } }"
    ),
    "Mutation.commitArtifact": (
        'mutation { commitArtifact(input: {artifactID: "$ARTIFACT"}) { artifact { id description } } }'
    ),
    "Mutation.useArtifact": (
        'mutation { useArtifact(input: {artifactID: "$ARTIFACT", entityName: "lab", projectName: "digits",'
        ' runName: "r"}) { artifact { id description } } }'
    ),
    "Mutation.updateArtifact": (
        'mutation { updateArtifact(input: {artifactID: "$ARTIFACT", metadata: "{}"}) { artifact { id description } } }'
    ),
    "Mutation.deleteArtifact": (
        'mutation { deleteArtifact(input: {artifactID: "$ARTIFACT", deleteAliases: true}) { artifact { id } } }'
    ),
    "Mutation.addAliases": f"mutation {{ addAliases({_ALIASES}) {{ success }} }}",
    "Mutation.deleteAliases": f"mutation {{ deleteAliases({_ALIASES}) {{ success }} }}",
    "Mutation.updateArtifactSequence": (
        'mutation { updateArtifactSequence(input: {artifactSequenceID: "$COLLECTION", description: "d"})'
        " { artifactCollection { id } } }"
    ),
    "Mutation.moveArtifactSequence": (
        'mutation { moveArtifactSequence(input: {artifactSequenceID: "$COLLECTION", destinationArtifactTypeName: "x"})'
        " { artifactCollection { id } } }"
    ),
    "Mutation.deleteArtifactSequence": (
        'mutation { deleteArtifactSequence(input: {artifactSequenceID: "$COLLECTION"}) { artifactCollection { id } } }'
    ),
    "Query.models": '{ models(entityName: "lab") { edges { node { name } } } }',
    "Mutation.notifyScriptableRunAlert": (
        'mutation { notifyScriptableRunAlert(input: {entityName: "lab", projectName: "digits", runName: "r",'
        ' title: "t", text: "x"}) { success } }'
    ),
    "Mutation.deleteRun": 'mutation { deleteRun(input: {id: "$RUN"}) { clientMutationId } }',
    "Mutation.deleteFiles": 'mutation { deleteFiles(input: {files: ["$FILE"]}) { success } }',
    "Mutation.upsertModel": (
        'mutation { upsertModel(input: {name: "digits", entityName: "lab", description: "d"}) { model { id } } }'
    ),
    "Mutation.upsertSweep": (
        'mutation { upsertSweep(input: {id: "$SWEEP", entityName: "lab", projectName: "digits", state: "PAUSED"})'
        " { sweep { id } } }"
    ),
    "Mutation.createAgent": (
        'mutation { createAgent(input: {host: "h", entityName: "lab", projectName: "digits", sweep: "$SWEEP"})'
        " { agent { id } } }"
    ),
    "Mutation.agentHeartbeat": 'mutation { agentHeartbeat(input: {id: "$AGENT"}) { commands } }',
    "Mutation.upsertView": (
        'mutation { upsertView(input: {id: "$VIEW", entityName: "lab", projectName: "digits", type: "project-view",'
        ' displayName: "Seeds", spec: "{}"}) { view { id name displayName spec } } }'
    ),
    "Mutation.deleteView": 'mutation { deleteView(input: {id: "$VIEW"}) { success } }',
    "Mutation.createArtifactCollectionTagAssignments": (
        f"mutation {{ createArtifactCollectionTagAssignments({_TAGS}) {{ tags {{ name }} }} }}"
    ),
    "Mutation.deleteArtifactCollectionTagAssignments": (
        f"mutation {{ deleteArtifactCollectionTagAssignments({_TAGS}) {{ success }} }}"
    ),
}

OF_EVERYBODY = {"Query.viewer", "Query.serverInfo", "Query.models"}  # of what they see


def test_every_graphql_field_has_its_answers() -> None:
    found = {f"{kind.name}.{name}" for kind in (schema.query_type, schema.mutation_type) for name in kind.fields}
    assert found == FIELDS.keys()


@pytest.mark.parametrize("member", ["teammate", "owner"])
@pytest.mark.parametrize("name", FIELDS)
def test_a_graphql_field_answers_members_and_nobody_else(cast: Cast, name: str, member: str) -> None:
    asked = {"query": Template(FIELDS[name]).substitute(known_ids(cast))}

    def said(who: str) -> tuple[int, Any, str]:
        answer = client_of(cast, who).post("/graphql", asked, "application/json")
        data = answer.json().get("data") or {}
        return answer.status_code, data.get(name.partition(".")[2]), answer.content.decode()

    before = everything()
    status, data, body = said("stranger")
    assert status in {200, 404}
    assert SECRET not in body
    assert name != "Query.models" or not data["edges"]
    assert bool(data) is (name in OF_EVERYBODY), body
    assert said("anonymous")[:2] == (401, None)
    if name.startswith("Mutation"):
        assert not said("viewer")[1]
    assert everything() == before
    assert said(member)[1], said(member)[2]


@pytest.mark.parametrize("name", FIELDS)
def test_a_graphql_field_of_a_public_project_is_read_and_not_written(cast: Cast, name: str) -> None:
    asked = {"query": Template(FIELDS[name]).substitute(known_ids(cast))}
    visibility_set(project=cast.project, visibility=Visibility.PUBLIC)
    before = everything()
    answer = client_of(cast, "stranger").post("/graphql", asked, "application/json")
    assert answer.status_code in {200, 404}
    told = (answer.json().get("data") or {}).get(name.partition(".")[2])
    assert bool(told) is (name.startswith("Query") and name != "Query.entity"), told
    assert everything() == before


MAKES_IT_ANEW = {"Mutation.upsertBucket", "Mutation.createArtifact", "Mutation.upsertModel", "Mutation.upsertView"}


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - OF_EVERYBODY - MAKES_IT_ANEW - {"Query.entity"}))
def test_a_graphql_field_answers_nothing_of_a_deleted_project(cast: Cast, name: str) -> None:
    asked = {"query": Template(FIELDS[name]).substitute(known_ids(cast))}
    project_delete(project=cast.project)
    before = everything()
    answer = client_of(cast, "owner").post("/graphql", asked, "application/json")
    assert answer.status_code in {200, 404}
    assert SECRET not in answer.content.decode()
    assert not (answer.json().get("data") or {}).get(name.partition(".")[2])
    assert everything() == before


@pytest.mark.parametrize("who", ["stranger", "anonymous"])
def test_a_public_project_opens_no_other_of_its_entity(cast: Cast, who: str) -> None:
    shown = access.project_get_or_create(cast.owner, entity="lab", name="shown")
    visibility_set(project=shown, visibility=Visibility.PUBLIC)
    client = client_of(cast, who)
    for page in ("/", "/lab", "/api/projects"):
        content = ask(client, "get", page)[1]
        assert b"shown" in content
        assert b"digits" not in content
    for route in OF_A_PROJECT:
        for hidden in addresses(route):
            status, content = ask(client, "get", hidden)
            assert status in REFUSED
            assert SECRET.encode() not in content


def known_ids(cast: Cast) -> dict[str, str]:
    """What a stranger may have seen written down somewhere: the client's ids of all that there is."""
    run = {"query": f"{{ project{_PROJECT.replace('node { name', 'node { id files { edges { node { id } } } name')} }}"}
    answer = client_of(cast, "owner").post("/graphql", run, "application/json").json()
    node = answer["data"]["project"]["runs"]["edges"][0]["node"]
    return {
        "RUN": node["id"],
        "FILE": node["files"]["edges"][0]["node"]["id"],
        "SWEEP": Sweep.objects.get().name,
        "AGENT": str(SweepAgent.objects.get().id),
        "ARTIFACT": artifact_key(Artifact.objects.get(version=0).id),
        "BEGUN": artifact_key(Artifact.objects.get(version=None).id),
        "COLLECTION": str(ArtifactCollection.objects.get().id),
        "MANIFEST": str(ArtifactManifest.objects.get().id),
        "MD5": MD5,
        "VIEW": str(Workspace.objects.get().id),
    }
