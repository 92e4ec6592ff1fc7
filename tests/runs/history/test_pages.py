from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from django.db import connection

from runs.history import sealed, store
from tests.runs.history.conftest import Bench

pytestmark = pytest.mark.django_db

STEPS = 9000
NOISE = np.random.default_rng(3).standard_normal(STEPS)
# A page of the first half takes a tenth of the bytes of one of the second.
UNEVEN = np.where(np.arange(STEPS) < STEPS / 2, np.round(NOISE, 1), NOISE)


@pytest.mark.parametrize("low", [0, 1000, 4400, 8900])
def test_a_small_part_of_long_chunks_is_read_exactly(bench: Bench, low: int, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [bench.run(), bench.run()]
    for run, values in zip(runs, (NOISE, UNEVEN), strict=True):
        lines = [json.dumps({"_step": step, "loss": value}) for step, value in enumerate(values.tolist())]
        bench.log(run, lines)
    whole: list[Sequence[int]] = []
    chunk_pieces = sealed.chunk_pieces

    def noted(*asked: Any, of: Sequence[int]) -> Any:
        whole.append(of)
        return chunk_pieces(*asked, of=of)

    monkeypatch.setattr(sealed, "chunk_pieces", noted)
    points = bench.read(runs, lo=low, hi=low + 99)
    assert isinstance(points, store.Points)
    assert points.x.tolist() == [*range(low, low + 100)] * 2
    assert points.y.tolist() == [*NOISE[low : low + 100], *UNEVEN[low : low + 100]]
    if connection.vendor == "postgresql":  # where the pages of even chunks are found at once
        assert not any(0 in of for of in whole)
