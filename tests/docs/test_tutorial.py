from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import tutorial
from tests.live import LiveServer


@pytest.mark.client
def test_the_tutorial_does_what_it_says_and_its_answer_is_the_one_printed_there(
    live: LiveServer, tmp_path: Path
) -> None:
    assert tutorial.follow(live, tmp_path) == tutorial.blocks()["answer"]
