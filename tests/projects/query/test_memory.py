"""What is kept between requests must never show: each answer is that of a process that knows nothing."""

import inspect
import json
import random
import threading
from dataclasses import fields, is_dataclass
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from projects.query import memory, sources
from projects.query.fields import field_from
from projects.query.grouping import groups, run_groups
from projects.query.runset import BadQuery, Condition, Runset, Sort
from projects.query.table import table
from runs import bulk, ingest
from runs.models import Level, Run
from tests.factories import make_project, make_run, set_values

pytestmark = pytest.mark.django_db

LR, ACC, TAGS, GROUP, STATE = map(field_from, ("config.lr", "summary.acc", "tags", "group", "state"))


@pytest.fixture(autouse=True)
def _nothing_known():
    memory.forget()
    yield
    memory.forget()


@pytest.fixture
def project():
    return make_project()


def by(*fields, **more):
    return Runset(fields=fields, grouped=True, **more)


def add(project, *, config=None, summary=None, tags=None, **fields):
    run = make_run(project, **fields)
    return set_values(run, config=config, summary=summary, tags=tags)


def same_as_new(ask):
    """The answer from memory, after making sure that a process without any gives the same."""
    found = ask()
    memory.forget()
    assert found == ask()
    return found


def sizes(project, *fields):
    return {group.path[-1].text: group.runs for group in same_as_new(lambda: groups(project, by(*fields)))}


def test_a_changed_value_is_seen_at_once(project):
    run = add(project, config={"lr": 1}, summary={"acc": 1.0})
    add(project, config={"lr": 1}, summary={"acc": 2.0})
    [group] = groups(project, by(LR))
    assert group.cells[ACC].mean == 1.5
    set_values(run, summary={"acc": 4.0})
    [group] = groups(project, by(LR))
    assert group.cells[ACC].mean == 3.0
    set_values(run, config={"lr": 2})
    assert sizes(project, LR) == {"1": 1, "2": 1}


@pytest.mark.parametrize("values", [(1, True), (1, "1"), (True, 1), (0, False), ([1], [True]), ({"a": 1}, {"a": True})])
def test_a_value_of_another_type_is_another_value_though_python_finds_them_equal(project, values):
    run = add(project, config={"x": values[0]})
    field = field_from("config.x.a" if isinstance(values[0], dict) else "config.x")
    [before] = groups(project, by(field))
    set_values(run, config={"x": values[1]})
    [after] = same_as_new(lambda: groups(project, by(field)))
    assert before.path[0].token != after.path[0].token
    run.refresh_from_db()
    assert json.dumps(run.config) == json.dumps({"x": values[1]})


def test_a_value_that_is_gone_a_run_that_is_new_and_one_that_is_deleted(project):
    first, second = (add(project, config={"lr": lr}, tags=["a"]) for lr in (1, 2))
    assert sizes(project, LR) == {"1": 1, "2": 1}
    set_values(first, config={})
    assert sizes(project, LR) == {"2": 1, "(not set)": 1}
    add(project, config={"lr": 3})
    assert sizes(project, LR) == {"2": 1, "3": 1, "(not set)": 1}
    Run.objects.filter(pk=second.pk).update(deleted_at=timezone.now())
    assert sizes(project, LR) == {"3": 1, "(not set)": 1}
    Run.objects.filter(pk=second.pk).update(deleted_at=None)
    assert sizes(project, LR) == {"2": 1, "3": 1, "(not set)": 1}


def test_run_fields_and_tags_follow_too(project):
    run = add(project, group="a", tags=["x", "y"])
    assert (sizes(project, GROUP), sizes(project, TAGS)) == ({"a": 1}, {"x": 1, "y": 1})
    set_values(run, group="b", tags=["y", "z"])
    assert (sizes(project, GROUP), sizes(project, TAGS)) == ({"b": 1}, {"y": 1, "z": 1})
    set_values(run, group="", tags=[])
    assert (sizes(project, GROUP), sizes(project, TAGS)) == ({"(not set)": 1}, {"(not set)": 1})


def test_a_run_that_falls_silent_and_comes_back_changes_its_state_without_a_new_version(project):
    run = add(project)
    assert sizes(project, STATE) == {"running": 1}
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(days=1))
    assert sizes(project, STATE) == {"crashed": 1}
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now())
    assert sizes(project, STATE) == {"running": 1}


def test_a_pattern_is_matched_once_with_each_version_of_a_run(project, monkeypatch):
    runs = [add(project, name=f"id-{i}", display_name=f"fold {i}", config={"lr": i % 2}) for i in range(20)]
    asked = []
    real = sources.matcher

    def counting(pattern):
        match = real(pattern)
        return lambda text: asked.append(text) or match(text)

    monkeypatch.setattr(sources, "matcher", counting)

    def found(pattern):
        asked.clear()
        return {run.name for run in table(project, Runset(search=f"/{pattern}/")).rows}

    assert found("d 1$") == {"id-1"}
    assert {"fold 3", "id-3"} <= set(asked)
    assert found("d 1$") == {"id-1"}
    assert sum(group.runs for group in groups(project, by(LR, search="/d 1$/"))) == 1
    assert asked == []
    set_values(runs[7], display_name="fold 1")
    assert found("d 1$") == {"id-1", "id-7"}
    assert asked == ["fold 1"]
    set_values(runs[1], display_name="other")
    assert found("d 1$") == {"id-7"}
    add(project, name="d 1", display_name="x")
    assert found("d 1$") == {"id-7", "d 1"}
    assert found("^id-1.") == {f"id-1{i}" for i in range(10)}
    Run.objects.filter(pk=runs[7].pk).update(deleted_at=timezone.now())
    assert found("d 1$") == {"d 1"}
    assert found("no such") == set()
    with pytest.raises(BadQuery):
        found("(")


def test_a_pattern_means_the_same_runs_of_many_as_of_few(project, monkeypatch):
    for i in range(30):
        add(project, name=f"id-{i}", display_name=f"fold {i % 7}")

    def found(pattern):
        memory.forget()
        return [run.name for run in table(project, Runset(search=f"/{pattern}/")).rows]

    patterns = ("fold [1-3]", "id-2", "", "^$")
    few = [found(pattern) for pattern in patterns]
    monkeypatch.setattr(sources, "_ROWS", 5)
    assert [found(pattern) for pattern in patterns] == few
    assert [len(names) for names in few] == [13, 11, 30, 0]


def test_a_filter_first_and_all_runs_later(project):
    for lr in (1, 2, 3):
        add(project, config={"lr": lr}, summary={"acc": lr})
    [group] = groups(project, by(LR, conditions=(Condition(LR, "=", ("2",)),)))
    assert group.cells[ACC].mean == 2
    assert sizes(project, LR) == {"1": 1, "2": 1, "3": 1}


def test_what_was_rolled_back_is_forgotten(project):
    run = add(project, config={"lr": 1})
    assert sizes(project, LR) == {"1": 1}
    with transaction.atomic():
        set_values(run, config={"lr": 2})
        assert sizes_in_memory(project) == {"2": 1}
        transaction.set_rollback(True)
    assert sizes_in_memory(project) == {"1": 1}


def test_clocks_that_go_back_do_not_hide_a_change(project, monkeypatch):
    run = add(project, config={"lr": 1})
    moment = timezone.now() - timedelta(hours=1)
    monkeypatch.setattr(ingest.timezone, "now", lambda: moment)
    seen = [Run.objects.get(pk=run.pk).changed_at]
    for lr in (2, 3, 2):
        set_values(run, config={"lr": lr})
        seen.append(Run.objects.get(pk=run.pk).changed_at)
        assert sizes(project, LR) == {str(lr): 1}
    assert seen == sorted(set(seen))


def test_a_long_column_and_a_short_one_are_read_alike(project, monkeypatch):
    values = [
        1, 1.0, 2**53, 2**53 + 1, 1e300, -1e17, -(10**17), 10**400, float("nan"), float("inf"), float("-inf"),
        -0.0, 0, "1", "a", "a" * 1500, "#" + "0" * 32, "\0", "", True, None, [1], [1.0], {"_type": "x"}, {},
    ]  # fmt: skip
    for value in values:
        add(project, config={"lr": value, "n": 1.5}, summary={"acc": value})
    add(project, config={"n": float("nan")})

    def ask() -> list:
        return [groups(project, by(LR)), groups(project, by(field_from("config.n"), sort=(Sort(LR),)))]

    few = ask()
    memory.forget()
    monkeypatch.setattr(memory, "FEW", -1)
    monkeypatch.setattr(memory, "_SHARE", 10**9)
    assert ask() == few
    assert len(few[0]) == len({group.path[0].token for group in few[0]})


def test_random_changes_never_leave_a_trace(project):
    chance = random.Random(7)
    runs = [add(project, config={"lr": 1}) for _ in range(12)]
    lr = [0.1, 1, 1.0, "1", True, None, [1], 2**60, float("nan")]
    runsets = [by(LR), by(GROUP, TAGS), by(STATE, sort=(Sort(ACC, True),)), Runset(sort=(Sort(ACC),)), Runset()]
    runsets += [by(GROUP, search="/[1-5]$/"), Runset(search="/run-.*[02468]/")]
    for _ in range(60):
        run = chance.choice(runs)
        match chance.randrange(5):
            case 0:
                set_values(run, config={"lr": chance.choice(lr)} if chance.random() < 0.9 else {})
            case 1:
                set_values(run, summary={"acc": chance.choice([*lr, chance.random()])})
            case 2:
                set_values(run, group=chance.choice("ab"), tags=chance.sample("xyz", chance.randrange(3)))
            case 3:
                runs.append(add(project, config={"lr": chance.choice(lr)}, group="c"))
            case 4:
                Run.objects.filter(pk=run.pk).update(deleted_at=timezone.now())
                runs.remove(run)
        runset = chance.choice(runsets)
        same_as_new(lambda runset=runset: (table(project, runset), run_groups(project, runset, 5)))


def test_memory_is_bounded_and_whatever_is_let_go_comes_back(project, monkeypatch):
    monkeypatch.setattr(memory, "MAX_BYTES", 2000)
    columns = tuple(field_from(f"summary.m{i}") for i in range(30))
    for i in range(20):
        add(project, config={"lr": i % 2}, summary={f"m{j}": f"text {i * j}" for j in range(30)})
    first = groups(project, by(LR, columns=columns))
    assert memory.memory_of(project).bytes <= 2000
    assert groups(project, by(LR, columns=columns)) == first
    others = [make_project(name=f"other-{i}") for i in range(5)]
    for other in others:
        add(other, config={"lr": 1}, summary={"acc": 1})
        groups(other, by(LR))
    assert sum(kept.bytes for kept in memory._memories.values()) <= 3 * 2000


def test_a_column_whose_values_keep_changing_does_not_grow(project, monkeypatch):
    monkeypatch.setattr(memory, "FEW", 3)
    run = add(project, config={"lr": 0})
    for lr in range(50):
        set_values(run, config={"lr": f"value {lr}"})
        assert sizes_in_memory(project) == {f"value {lr}": 1}
    assert len(memory.memory_of(project)._columns[LR].numbers) < 10


def sizes_in_memory(project):
    return {group.path[0].text: group.runs for group in groups(project, by(LR))}


@pytest.mark.django_db(transaction=True)
def test_threads_that_read_while_one_writes_see_every_answer_that_was_true(project):
    """The sum over the runs is one of those that were committed, and the last one in the end."""
    runs = [add(project, config={"lr": 1}, summary={"acc": 0}) for _ in range(5)]
    failures, stop = [], threading.Event()

    def read():
        try:
            low = 0.0
            while not stop.is_set():
                [group] = groups(project, by(LR))
                total = group.cells[ACC].mean * group.cells[ACC].n
                assert total >= low - 1e-9
                low = total
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for value in range(1, 15):
        for run in runs:
            set_values(run, summary={"acc": value})
    stop.set()
    for reader in readers:
        reader.join()
    assert not failures
    [group] = groups(project, by(LR))
    assert group.cells[ACC].mean == 14


def test_heartbeats_are_as_of_now_though_they_make_no_new_version(project):
    heartbeat, now = field_from("heartbeat_at"), timezone.now()
    for number in range(3):
        add(project, name=f"r{number}", group="a", heartbeat_at=now - timedelta(minutes=number))
    latest = Runset(sort=(Sort(heartbeat, descending=True),), columns=(heartbeat,))

    def listed(runset):
        return [(row.name, row.values[heartbeat].text) for row in same_as_new(lambda: table(project, runset)).rows]

    assert [name for name, _ in listed(latest)] == ["r0", "r1", "r2"]
    at = now + timedelta(hours=1)
    Run.objects.filter(name="r1").update(heartbeat_at=at)
    assert listed(latest)[0] == ("r1", at.isoformat(sep=" ", timespec="seconds"))
    grouped = by(GROUP, columns=(heartbeat,), sort=latest.sort)
    add(project, name="alone", group="b", heartbeat_at=now)
    Run.objects.filter(name="alone").update(heartbeat_at=at + timedelta(hours=1))
    cells = [row.group.cells[heartbeat] for row in same_as_new(lambda: table(project, grouped)).rows]
    assert [(cell.distinct, cell.text) for cell in cells] == [
        (1, (at + timedelta(hours=1)).isoformat(sep=" ", timespec="seconds")),
        (3, None),
    ]


CHANGES = {
    "display_name": "new", "group": "new", "job_type": "new", "notes": "new", "sweep": "new", "host": "new",
    "program": "new", "git_remote": "new", "git_commit": "new", "tags": ["new"], "config": {"lr": True},
    "client_info": {"e": {"x": 1}}, "summary": {"acc": True},
}  # fmt: skip


def test_every_part_of_a_change_moves_the_version_on(project):
    assert is_dataclass(ingest.RunChange)
    assert set(CHANGES) == {field.name for field in fields(ingest.RunChange)}
    for name, value in CHANGES.items():
        run = add(project, config={"lr": 1}, summary={"acc": 1})
        set_values(run, **{name: value})
        assert Run.objects.get(pk=run.pk).changed_at > run.changed_at, name


def _lines(*texts):
    return ingest.Lines(offset=0, lines=list(texts))


def _stream(**parts):
    return lambda run: ingest.stream_accept(run_id=run.id, writer="", request=ingest.StreamRequest(**parts))


# Every writer of runs.ingest, and whether it changes something that a page of runs shows.
WRITERS = {
    "run_upsert": lambda run: ingest.run_upsert(
        project_id=run.project_id, name=run.name, user_name="", change=ingest.RunChange(summary={"acc": True})
    ),
    "run_change": lambda run: set_values(run, summary={"acc": True}),
    "stream_accept": _stream(summary={"acc": True}),
    "run_stop": lambda run: ingest.run_stop(run_id=run.id),
    "run_kill": lambda run: ingest.run_kill(run_id=run.id),
    "run_rewind": lambda run: ingest.run_rewind(run_id=run.id, after_step=0),
    "file_requested": None,  # a file that has not come shows nowhere
    "file_stored": lambda run: ingest.file_stored(
        run_id=run.id, name="a", stored_as="a", size=1, md5="", content_type=""
    ),
    "file_delete": lambda run: _file_stored_and_deleted(run),
    "run_alert": lambda run: ingest.run_alert(run_id=run.id, level=Level.INFO, title="t", text="", wait=timedelta()),
}


def _file_stored_and_deleted(run):
    WRITERS["file_stored"](run)
    stored = Run.objects.get(pk=run.pk).changed_at
    assert ingest.file_delete(run_id=run.id, names=["a"]) == ["a"]
    assert Run.objects.get(pk=run.pk).changed_at > stored


BULK = {
    "runs_text_set": lambda run: bulk.runs_text_set(runs=[run.id], field="group", value="new"),
    "runs_tag_set": lambda run: bulk.runs_tag_set(runs=[run.id], tag="new", on=True),
    "runs_delete": lambda run: bulk.runs_delete(runs=[run.id], at=timezone.now()),
    "runs_restore": lambda run: _deleted_and_restored(run),
    "runs_touch": lambda run: bulk.runs_touch(runs=[run.id]),
}


def _deleted_and_restored(run):
    at = timezone.now()
    bulk.runs_delete(runs=[run.id], at=at)
    deleted = Run.objects.get(pk=run.pk)
    bulk.runs_restore(runs=[run.id], at=at)
    assert Run.objects.get(pk=run.pk).changed_at > deleted.changed_at


def test_every_writer_of_many_runs_moves_the_version_on(project, monkeypatch):
    found = {name for name, _ in inspect.getmembers(bulk, inspect.isfunction) if name.startswith("runs_")}
    assert found == set(BULK)
    for name, write in BULK.items():
        run = add(project)
        with monkeypatch.context() as clock:
            clock.setattr(bulk.timezone, "now", lambda at=run.changed_at: at - timedelta(days=1))
            write(run)
        assert Run.objects.get(pk=run.pk).changed_at > run.changed_at, name


def test_every_writer_moves_the_version_on(project):
    verbs = ("run_", "stream_", "file_")
    found = [name for name, _ in inspect.getmembers(ingest, inspect.isfunction) if name.startswith(verbs)]
    written_here = {name for name in found if getattr(ingest, name).__module__ == ingest.__name__}
    assert written_here == set(WRITERS)
    writes = WRITERS | {
        "history": _stream(history=_lines('{"_step":0,"loss":1}')),
        "console": _stream(console=_lines("hello\n")),
        "complete": _stream(complete=True),
        "preempting": _stream(preempting=True),
    }
    for name, write in writes.items():
        run = add(project, config={"lr": 1}, summary={"acc": 1})
        if write is not None:
            write(run)
            assert Run.objects.get(pk=run.pk).changed_at > run.changed_at, name
