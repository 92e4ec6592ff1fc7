from __future__ import annotations

import json

from tests.wire.replay import RECORDED

PROTOCOL = (RECORDED.parent.parent / "tracker" / "wire" / "PROTOCOL.md").read_text()


def test_every_recorded_operation_has_its_place_in_the_protocol() -> None:
    operations = {
        json.loads(line).get("operation") for path in RECORDED.glob("*.jsonl") for line in path.read_text().splitlines()
    }
    assert {name for name in operations if name and f"`{name}`" not in PROTOCOL} == set()


def test_every_recording_named_in_the_protocol_is_there() -> None:
    named = {word for word in PROTOCOL.replace("`", " ").split() if word.endswith(".jsonl") and "wandb-" not in word}
    assert named
    assert {name for name in named if not (RECORDED / name).exists()} == set()
