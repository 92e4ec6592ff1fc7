"""docs/api.md: every address and every parameter in it is asked. Its Python runs in tests/browser/test_rest.py."""

from __future__ import annotations

import re

import pytest

from projects import access
from projects.query.operators import OPERATORS
from projects.query.reductions import REDUCTIONS
from projects.query.statistics import STATISTICS
from projects.saved_views import view_create
from tests.factories import log_run, make_sweep
from tests.live import ROOT
from tests.projects.cast import Cast
from tracker.api.openapi import document

pytestmark = pytest.mark.django_db

DOCS = (ROOT / "docs" / "api.md").read_text()
ADDRESSES = re.findall(r"^\| `GET (\S+)` \|", DOCS, re.MULTILINE)
QUERIES = [
    it for row in re.findall(r"^\| (`\S+`) \|", DOCS, re.MULTILINE) for it in re.findall(r"`([a-z]+=\S*?)`", row)
]
SPLITS = re.findall(r"^\| `((?:tags)?:[a-z]+\S*)` \|", DOCS, re.MULTILINE)
FILTERS = [line.strip() for line in DOCS.splitlines() if line.startswith("    f=")]


@pytest.fixture
def there(cast: Cast) -> dict[str, str]:
    """What the words in capitals stand for."""
    log_run(
        cast.project, "a", [{"train/loss": 1.0}],
        config={"lr": 0.1, "seed": 1}, summary={"train/loss": 1.0, "val/acc": 0.5}, tags=["x"], group="g",
    )  # fmt: skip
    like = access.workspace_visible(cast.owner, cast.project, id="")
    view = view_create(user=cast.owner, project=cast.project, name="v", query="", like=like)
    sweep = make_sweep(cast.project)
    return {"ENTITY": "lab", "PROJECT": "digits", "RUN": "a", "GROUP": "g", "view": view.id.hex, "sweep": sweep.name}


def test_nothing_is_left_out_of_the_lists() -> None:
    named = {re.sub(r"[A-Z]+", lambda it: f"{{{it[0].lower()}}}", it.partition("?")[0]) for it in ADDRESSES}
    assert named | {"/api/schema/"} == document()["paths"].keys()
    assert len(QUERIES) >= 10
    assert len(SPLITS) >= 6
    assert FILTERS
    for key in (*OPERATORS, *STATISTICS, *REDUCTIONS):
        assert f"`{key}`" in DOCS, key


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_answers(cast: Cast, there: dict[str, str], address: str) -> None:
    asked = re.sub("ENTITY|PROJECT|RUN|GROUP", lambda it: there[it[0]], address)
    assert cast.as_("viewer").get(asked).status_code == 200


@pytest.mark.parametrize("query", [*QUERIES, *FILTERS])
def test_every_parameter_means_what_it_says_it_means(cast: Cast, there: dict[str, str], query: str) -> None:
    name = query.partition("=")[0]
    asked = query.replace("ID", there.get(name, "0123")).replace("GROUP", "g")
    answer = cast.as_("owner").get(f"/api/lab/digits/runs?{asked}")
    assert answer.status_code == 200, answer.json()


@pytest.mark.parametrize("split", SPLITS)
def test_every_way_to_group_makes_groups(cast: Cast, there: dict[str, str], split: str) -> None:
    field = split if split.startswith("tags") else f"tags{split}" if "explode" in split else f"config.lr{split}"
    answer = cast.as_("owner").get("/api/lab/digits/groups", {"group": field})
    assert answer.json()["groups"], field
