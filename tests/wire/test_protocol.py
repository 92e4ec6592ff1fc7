from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import wandb

from tests.wire.replay import RECORDED, Replay
from tracker.wire.graphql.newer import FEATURES
from tracker.wire.graphql.view import schema

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


def refused() -> list[str]:
    """Names of the mutations that the protocol says are not supported."""
    table = PROTOCOL.partition("## Not supported")[2]
    return re.findall(r"`(\w+)`", " ".join(row.split("|")[2] for row in table.splitlines() if row.startswith("| ")))


def test_every_mutation_of_the_client_is_answered_or_said_to_be_refused() -> None:
    folder = Path(wandb.__file__).parent
    texts = [path.read_bytes() for path in (*folder.rglob("*.py"), folder / "bin" / "wandb-core")]
    first = rb"mutation\s+\w*\s*(?:\([^{}]*?\))?\s*\{\s*(?:#[^\n]*\n\s*)?(?:\w+:\s*)?(\w+)"
    asked = {name.decode() for text in texts for name in re.findall(first, text)}
    assert {"upsertBucket", "linkArtifact", "completeMultipartUploadArtifact"} <= asked
    assert schema.mutation_type
    assert asked - schema.mutation_type.fields.keys() == set(refused())


@pytest.mark.parametrize("name", refused())
def test_a_mutation_that_is_not_supported_is_refused_by_name(owner: Replay, name: str) -> None:
    answer = owner.query(
        f"mutation($input: SomeInput!) {{ result: {name}(input: $input) {{ success }} }}", input={"a": 1}
    )
    assert answer["errors"][0]["message"] == f"this server does not support {name} yet"


@pytest.mark.parametrize("field", FEATURES)
def test_a_feature_that_is_asked_for_is_refused_by_name(owner: Replay, field: str) -> None:
    kind, name = field.split(".")
    question = {
        "Query": "{ %s { id } }",
        "Entity": "{ entity { %s { id } } }",
        "Project": '{ project(name: "p") { %s { id } } }',
        "Sweep": '{ project(name: "p") { sweep(sweepName: "s") { %s { id } } } }',
    }[kind]
    message = owner.query(question % name)["errors"][0]["message"]
    assert message == f"this server does not support {FEATURES[field]} ({name}) yet"
    assert f"`{name}`" in PROTOCOL.partition("## Not supported")[2]
