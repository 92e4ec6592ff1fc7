"""The colours of lines that nobody picked, against a slow obvious ranking."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from projects.query.everything import Everything
from projects.query.fields import field_from
from projects.query.grouping import leaf_groups, run_groups
from projects.query.memory import forget
from projects.query.palette import GREY, NAMES, PALETTE
from projects.query.reading import listed
from projects.query.runset import Condition, Runset
from projects.query.selection import selected
from projects.query.splits import group_field_from
from runs.models import Run, State
from tests.factories import make_project, make_run, set_values

pytestmark = pytest.mark.django_db

LR, SEED, JOB, STATE, TAGS = map(field_from, ("config.lr", "config.seed", "job_type", "state", "tags"))


@pytest.fixture
def project():
    return make_project()


def add(project, *, lr=None, seed=None, tags=None, **fields):
    run = make_run(project, **fields)
    set_values(run, config={key: it for key, it in {"lr": lr, "seed": seed}.items() if it is not None}, tags=tags)
    return run


def colours(project, *fields, only=None, search="", **more):
    conditions = () if only is None else (Condition(SEED, "=", (str(only),)),)
    found = leaf_groups(project, Runset(fields=fields, grouped=True, conditions=conditions, search=search, **more))
    return {tuple(key.text for key in group.path): group.colour for group in found}


def in_order(*groups):
    return {(key if isinstance(key, tuple) else (key,)): PALETTE[place] for place, key in enumerate(groups)}


def test_groups_take_colours_in_the_order_they_came_and_later_ones_shift_none(project):
    for lr in (0.3, 0.1, 0.3, 0.2):
        add(project, lr=lr)
    assert colours(project, LR) == in_order("0.3", "0.1", "0.2")
    add(project)
    add(project, lr=0.01)
    assert colours(project, LR) == in_order("0.3", "0.1", "0.2", "(not set)", "0.01")


def test_filters_and_searches_leave_colours_as_they_are_while_runs_come_go_and_change(project):
    runs = [add(project, lr=place % 5, seed=place % 3, job_type="ab"[place % 2]) for place in range(20)]

    def agrees():
        for fields in ((LR,), (JOB, LR), (JOB,)):
            every = colours(project, *fields)
            for some in (colours(project, *fields, only=1), colours(project, *fields, search=runs[8].name)):
                assert some
                assert some.items() <= every.items()
        for runset in (Runset(), Runset(conditions=(Condition(SEED, "=", ("1",)),))):
            born = [run.id for run in Run.objects.filter(deleted_at=None).order_by("created_at", "id")]
            for group in run_groups(project, runset, 100)[0]:
                assert group.colour == PALETTE[born.index(group.run_ids[0]) % len(PALETTE)]

    agrees()
    before = colours(project, LR, only=1)
    runs.append(add(project, lr=-1, seed=1))
    agrees()
    assert before.items() <= colours(project, LR, only=1).items()
    set_values(runs[3], config={"lr": 7, "seed": 1})
    Run.objects.filter(pk=runs[3].pk).update(changed_at=timezone.now())
    agrees()
    Run.objects.filter(pk=runs[0].pk).update(deleted_at=timezone.now(), changed_at=timezone.now())
    agrees()
    Run.objects.filter(pk=runs[0].pk).update(deleted_at=None, changed_at=timezone.now())
    agrees()
    Run.objects.filter(pk=runs[7].pk).delete()
    agrees()


def test_hidden_groups_keep_their_colour_and_so_do_the_others(project):
    for lr in (1, 2, 3):
        add(project, lr=lr)
    whole = run_groups(project, Runset(fields=(LR,), grouped=True), 9)[0]
    some, _ = run_groups(project, Runset(fields=(LR,), grouped=True, hidden=frozenset({whole[0].id})), 9)
    assert [group.colour for group in some] == list(PALETTE[1:3])


def test_bins_and_states_have_colours_of_their_own_whatever_is_in_them(project):
    bins = group_field_from("config.lr:equal:4")
    runs = [add(project, lr=lr, seed=lr % 2, state=State.FINISHED) for lr in (8, 5, 3, 0)]
    assert list(colours(project, bins).values()) == list(PALETTE[:4])
    assert next(iter(colours(project, bins, only=0).values())) == PALETTE[0]
    add(project, lr=100, seed=1, state=State.FINISHED)
    assert list(colours(project, bins).values()) == [PALETTE[0], PALETTE[3]]
    finished = colours(project, STATE)["finished",]
    Run.objects.filter(pk=runs[0].pk).update(state=State.FAILED, changed_at=timezone.now())
    both = colours(project, STATE)
    assert both["finished",] == finished
    assert both["failed",] != finished


def test_edges_give_what_is_below_above_and_no_number_other_colours(project):
    for lr in (0.5, 1.5, 2.5, -1, "adam"):
        add(project, lr=lr)
    found = colours(project, group_field_from("config.lr:edges:0:1:2"))
    assert len(set(found.values())) == len(found) == 5


def test_a_run_in_several_groups_ranks_them_in_their_order(project):
    add(project, tags=["y", "x"], seed=1)
    add(project, tags=["a", "x"], seed=2)
    assert colours(project, TAGS) == in_order("x", "y", "a")
    assert colours(project, TAGS, only=2) == {("a",): PALETTE[2], ("x",): PALETTE[0]}


@pytest.mark.parametrize("seed", range(4))
def test_the_listing_is_what_a_new_one_would_be_after_any_changes(project, seed):
    """Each kept listing against one that is read anew, with more changes at once than it asks for, and fewer."""
    random = np.random.default_rng(seed)
    kept = Everything(project)
    for at_once in (0, 3, 1, 260, 2, 5, 0, 1):
        for _ in range(at_once):
            pk = random.choice(list(Run.objects.values_list("pk", flat=True)) or [None])
            now = timezone.now()
            match random.integers(5):
                case 0 | 1:
                    make_run(project, **({"created_at": now - timedelta(days=1)} if random.random() < 0.1 else {}))
                case 2:
                    Run.objects.filter(pk=pk).update(changed_at=now)
                case 3:
                    Run.objects.filter(pk=pk).update(changed_at=now, deleted_at=now)
                case _:
                    Run.objects.filter(pk=pk).update(changed_at=now, deleted_at=None)
        found = kept.listing()
        ids, versions = listed(selected(project, Runset()))
        assert found.ids.tolist() == ids.tolist()
        assert found.versions.tolist() == versions.tolist()
        assert found.places(ids).tolist() == list(range(len(ids)))
        assert kept.listing() is found


def test_what_a_newer_snapshot_listed_is_unknown_in_an_older_one(project, monkeypatch):
    make_run(project)
    kept = Everything(project)
    kept.listing()
    late = make_run(project)
    assert len(kept.listing().ids) == 2
    Run.objects.filter(pk=late.pk).delete()  # as for a reader whose snapshot is from before
    assert len(kept.listing().ids) == 1


def test_a_filtered_table_asks_for_little_more_when_nothing_has_changed(project, django_assert_num_queries):
    for lr in (1, 2):
        add(project, lr=lr, seed=lr)
    colours(project, LR, only=2)
    runset = Runset(fields=(LR,), grouped=True, conditions=(Condition(SEED, "=", ("2",)),))
    run_groups(project, runset, 9)
    with django_assert_num_queries(2):
        run_groups(project, runset, 9)
    forget()
    assert [group.colour for group in run_groups(project, runset, 9)[0]] == [PALETTE[1]]


def luminance(colour):
    each = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in each)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", [*NAMES, GREY])
@pytest.mark.parametrize("surface", ["#ffffff", "#f6f7f9", "#1b1f24", "#22272d"])
def test_colours_stand_out_from_the_page_light_or_dark(colour, surface):
    dark, light = sorted((luminance(colour), luminance(surface)))
    assert (light + 0.05) / (dark + 0.05) >= 3


def test_colours_are_told_apart():
    def lab(colour):
        each = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = np.array([it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in each])
        cones = np.array(
            [[0.4122215, 0.5363325, 0.0514460], [0.2119035, 0.6806995, 0.1073970], [0.0883025, 0.2817188, 0.6299787]]
        )
        mixed = np.array(
            [[0.2104543, 0.7936178, -0.0040720], [1.9779985, -2.4285922, 0.4505937], [0.0259040, 0.7827718, -0.8086758]]
        )
        return mixed @ np.cbrt(cones @ linear)

    places = np.array([lab(colour) for colour in PALETTE])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(PALETTE))
    assert len(PALETTE) == 20
    assert apart.min() > 0.08
    assert apart[:8, :8].min() > 0.11
