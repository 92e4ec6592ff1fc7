"""What a run logged comes back exactly, in pages of any size and as files."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pytest
from pyarrow.parquet import ParquetFile

from runs.history import store
from runs.models import run_id
from tests.factories import log_run
from tests.projects.cast import Cast
from tests.tracker.api.experiment import BASE

pytestmark = pytest.mark.django_db

# Steps repeat, values are missing, not finite, large, nested and of several kinds.
ROWS: list[dict[str, Any]] = [
    {"_step": 0, "loss": 0.1 + 0.2, "said": "ä"},
    *({"_step": 1, "loss": float(i)} for i in range(5)),
    {"_step": 2, "acc": float("nan")},
    {"_step": 3, "loss": float("-inf"), "acc": 2**53},
    {"_step": 4, "list": [1, float("nan")], "said": True},
    {"_step": 9, "loss": "gone"},
]
SAID = [
    *ROWS[:6],
    {"_step": 2, "acc": "NaN"},
    {"_step": 3, "loss": "-Infinity", "acc": 2**53},
    {"_step": 4, "list": [1, "NaN"], "said": True},
    {"_step": 9, "loss": "gone"},
]


@pytest.fixture(params=[False, True], ids=["tail", "sealed"])
def address(request: pytest.FixtureRequest, cast: Cast) -> str:
    log_run(cast.project, "long", ROWS, complete=False)
    if request.param:
        store.seal(run_id=run_id(cast.project.id, "long"))
    return f"{BASE}/runs/long/history"


def paged(cast: Cast, address: str | None) -> list[dict[str, Any]]:
    found = []
    while address:
        answer = cast.as_("viewer").get(address).json()
        found += answer["rows"]
        address = answer["next"]
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pages_hold_every_row_once(cast: Cast, address: str, size: int) -> None:
    assert paged(cast, f"{address}?size={size}") == SAID


def test_keys_and_steps_narrow_it(cast: Cast, address: str) -> None:
    losses = [{"_step": row["_step"], "loss": row["loss"]} for row in SAID if "loss" in row]
    assert paged(cast, f"{address}?key=loss&size=2") == losses
    assert paged(cast, f"{address}?min_step=1&max_step=3&size=4") == SAID[1:7]
    assert paged(cast, f"{address}?key=none") == []


def test_files_hold_the_same(cast: Cast, address: str) -> None:
    get = cast.as_("viewer").get
    rows = list(csv.DictReader(io.StringIO(get(f"{address}?as=csv").getvalue().decode())))
    assert [int(row["_step"]) for row in rows] == [row["_step"] for row in ROWS]
    assert [row["loss"] for row in rows[:2]] == ["0.30000000000000004", "0"]
    assert (rows[6]["acc"], rows[7]["loss"], rows[8]["list"], rows[8]["said"]) == (
        "NaN",
        "-Infinity",
        "[1, NaN]",
        "true",
    )
    table = ParquetFile(io.BytesIO(get(f"{address}?as=parquet&key=loss&key=acc").getvalue())).read().to_pydict()
    assert table["loss"][:2] == [0.1 + 0.2, 0.0]
    assert math.isnan(table["acc"][6])
    assert (table["loss"][7], table["loss"][-1]) == (-math.inf, None)
