from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from projects.artifacts import MAX_RUNS
from projects.models import Entity, Membership, Project, Role, Visibility
from projects.views.artifacts import _FILES_PER_PAGE
from runs import artifacts
from runs.models import Artifact, ArtifactAlias, Run
from tests.factories import log_artifact, make_project, make_run
from tests.projects.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
LIST = "/lab/digits/artifacts"
ADDRESS = f"{LIST}/dataset/data"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def run(cast: Cast) -> Run:
    return make_run(cast.project, "r1", display_name="brave-ocean-7")


@pytest.fixture
def browser(cast: Cast) -> Client:
    return cast.as_("owner")


def page(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, address
    return re.sub(r"\s+", " ", answer.content.decode())


def use(run: Run, artifact: Artifact) -> None:
    artifacts.artifact_use(run_id=run.id, artifact_id=artifact.id)


def links(text: str, part: str) -> list[str]:
    return re.findall(rf'href="([^"]*{part}[^"]*)"', text)


@pytest.mark.parametrize("who", ["owner", "teammate", "viewer", "stranger", "anonymous"])
def test_members_see_artifacts_and_strangers_the_404_of_a_missing_project(cast: Cast, run: Run, who: str) -> None:
    log_artifact(run, {"a": b"1"})
    addresses = ("", "/dataset/data", "/dataset/data/v0")
    for part in addresses:
        answer = cast.as_(who).get(LIST + part)
        assert answer.status_code == (200 if who in {"owner", "teammate", "viewer"} else 404)
    Project.objects.update(visibility=Visibility.PUBLIC)
    assert all(cast.as_(who).get(LIST + part).status_code == 200 for part in addresses)


def test_a_version_says_all_that_is_known_of_it(browser: Client, cast: Cast, run: Run) -> None:
    given = {"description": "Pictures.", "metadata": {"rows": 1797}, "tags": ["clean"], "history_step": 7}
    log_artifact(
        run, {"a.txt": b"12345", "sub/b#.bin": b"1"}, references={"far": "s3://b/far"}, aliases=["best"], **given
    )
    use(make_run(cast.project, "r2", display_name="second", group="experiment_1"), Artifact.objects.get())
    text = page(browser, f"{ADDRESS}/v0")
    for shown in ("data:v0", "best", "latest", "clean", "Pictures.", "1797", "→ s3://b/far", "Step"):
        assert shown in text
    assert "<dt>Files</dt><dd>3</dd>" in text
    assert links(text, "/artifacts/lab/") == [
        "/artifacts/lab/digits/data:v0/a.txt", "/artifacts/lab/digits/data:v0/sub/b%23.bin",
    ]  # fmt: skip
    assert links(text, "/runs/") == ["/lab/digits/runs/r1", "/lab/digits/runs/r2"]
    for address in links(text, "/artifacts/lab/"):
        assert browser.get(address).status_code == 200


def test_a_version_is_found_by_alias_and_lists_the_others(browser: Client, run: Run) -> None:
    for number in range(3):
        log_artifact(run, {"a": str(number).encode()}, aliases=["best"] if number == 1 else [])
    assert "<h1>data:v1</h1>" in page(browser, f"{ADDRESS}/best")
    text = page(browser, ADDRESS)
    assert "<h1>data:v2</h1>" in text
    assert links(text, "/dataset/data/") == [f"{ADDRESS}/v{number}" for number in (2, 1, 0)]
    for absent in ("/dataset/data/v3", "/dataset/data/x", "/model/data/v0", "/dataset/other", "/dataset/data/%00"):
        assert browser.get(LIST + absent).status_code == 404


def test_the_list_has_each_collection_with_its_newest_version(browser: Client, run: Run) -> None:
    for number in range(3):
        log_artifact(run, {"a": b"x" * (number + 1)})
    log_artifact(run, {"m": b"12"}, "net", "model")
    text = page(browser, LIST)
    assert re.findall(r'<td class="number">(\d+)</td>', text) == ["1", "3"]
    assert links(text, "/(?:dataset|model)/") == [f"{LIST}/model/net/v0", f"{ADDRESS}/v2"]
    assert links(page(browser, f"{LIST}?type=model"), "/v") == [f"{LIST}/model/net/v0"]
    assert links(page(browser, f"{LIST}?q=DAT"), "/v") == [f"{ADDRESS}/v2"]
    assert "Show all" in page(browser, f"{LIST}?q=nothing&type=model")
    for odd in ("?type=%00", "?q=%00", "?page=x", "?page=-1", "?type=a&type=b", "?q=%25_"):
        page(browser, LIST + odd)


def test_without_artifacts_the_list_says_how_to_log_one(browser: Client, run: Run) -> None:
    artifacts.artifact_create(
        project_id=run.project_id, run_id=run.id, new=artifacts.NewArtifact(name="data", type="dataset", digest="d")
    )
    assert "run.log_artifact" in page(browser, LIST)
    assert "produced no artifacts" in page(browser, "/lab/digits/runs/r1?tab=artifacts")


def test_what_aliases_leave_without_latest_is_still_reached_from_the_list(browser: Client, run: Run) -> None:
    log_artifact(run, {"a": b"1"})
    ArtifactAlias.objects.all().delete()
    (address,) = links(page(browser, LIST), "/v0")
    page(browser, address)


def test_a_run_shows_what_it_produced_and_used(browser: Client, cast: Cast, run: Run) -> None:
    made = log_artifact(run, {"a": b"12345"})
    use(run, log_artifact(make_run(cast.project, "r2"), {"b": b"1"}, "other", "model"))
    text = page(browser, "/lab/digits/runs/r1?tab=artifacts")
    produced, used = text.split("<h2>Used</h2>")
    assert links(produced, "/artifacts/") == [f"{ADDRESS}/v0"]
    assert links(used, "/artifacts/") == [f"{LIST}/model/other/v0"]
    assert "5 bytes" in re.sub("\xa0", " ", produced)
    before = page(browser, "/lab/digits/runs/r1/version")
    artifacts.artifact_delete(artifact_id=made.id, with_aliases=True)
    assert page(browser, "/lab/digits/runs/r1/version") != before


def test_lineage_names_no_project_that_the_person_does_not_see(cast: Cast, run: Run) -> None:
    secret = make_project(cast.stranger, "secret")
    hidden = make_run(secret, "hidden", display_name="hidden-run")
    made = log_artifact(run, {"a": b"1"})
    use(hidden, made)
    use(run, log_artifact(hidden, {"s": b"1"}, "secret-data"))
    Membership.objects.create(entity=Entity.objects.get(name="lab"), user=cast.stranger, role=Role.VIEWER)
    for who, seen in (("owner", False), ("stranger", True)):
        assert ("hidden-run" in page(cast.as_(who), f"{ADDRESS}/v0")) == seen
        assert ("secret-data" in page(cast.as_(who), "/lab/digits/runs/r1?tab=artifacts")) == seen


def test_deleted_runs_are_in_no_lineage(browser: Client, run: Run) -> None:
    log_artifact(run, {"a": b"1"})
    Run.objects.update(deleted_at=timezone.now())
    assert links(page(browser, f"{ADDRESS}/v0"), "/runs/") == []


def test_text_of_clients_is_shown_as_text(browser: Client, run: Run) -> None:
    given = {"description": HOSTILE, "metadata": {HOSTILE: "\ud800" + HOSTILE}, "tags": ["<b>tag"]}
    name, kind = "<b>data", "<i>set"
    log_artifact(
        run, {HOSTILE.replace("/", "_"): b"1"}, name, kind, references={"x": HOSTILE}, aliases=["<u>"], **given
    )
    Run.objects.update(display_name=HOSTILE)
    (address,) = links(page(browser, LIST), "/v0")
    for text in (page(browser, LIST), page(browser, address), page(browser, "/lab/digits/runs/r1?tab=artifacts")):
        for tag in ("<script>alert", "<b>data", "<i>set", "<u>", "<b>tag"):
            assert tag not in text


def test_many_files_and_many_runs_are_shown_in_pieces(browser: Client, cast: Cast, run: Run) -> None:
    made = log_artifact(run, {}, references={f"f{number:04}": "https://x" for number in range(_FILES_PER_PAGE + 1)})
    for number in range(MAX_RUNS + 2):
        use(make_run(cast.project, f"user-{number}"), made)
    text = page(browser, f"{ADDRESS}/v0")
    assert text.count("→ https://x") == _FILES_PER_PAGE
    assert page(browser, f"{ADDRESS}/v0?page=2").count("→ https://x") == 1
    assert len(links(text, "/runs/")) == MAX_RUNS + 1
    assert "2 more" in text


def test_queries_do_not_grow_with_what_is_shown(
    browser: Client, cast: Cast, run: Run, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        made = log_artifact(run, {f"{n}": str(number).encode() for n in range(5)}, f"data-{number % 3}")
        use(make_run(cast.project, f"u{number}"), made)
    for address in (LIST, f"{LIST}/dataset/data-1", "/lab/digits/runs/r1?tab=artifacts"):
        with django_assert_max_num_queries(14):
            page(browser, address)
