import pytest

from projects.query.columns import group_candidates
from projects.query.fields import field_from
from projects.query.replicates import group_sizes, seed_like, varying
from projects.query.runset import Runset
from tests.factories import make_project, make_run, set_values


@pytest.mark.parametrize(
    "key",
    ["seed", "Seed", "SEED", "random_state", "randomState", "data.cv.Fold", "np-seed", "globalSeed", "RNGSeed", "fold2",
     "seeds.seed.torch", "kfold", "replicate"],
)  # fmt: skip
def test_a_seed_is_one_at_any_depth_and_in_any_case(key):
    assert seed_like(key)


@pytest.mark.parametrize(
    "key", ["n_folds", "num_seeds", "seeded", "random", "state", "lr", "manifold", "", "unfold.dim"]
)
def test_what_only_sounds_like_a_seed_is_none(key):
    assert not seed_like(key)


@pytest.mark.django_db
def test_what_varies_is_what_differs_or_is_missing_somewhere():
    project = make_project()
    for seed in range(4):
        config = {"lr": seed % 2, "same": 1, "opt": {"seed": seed}, "_wandb": {"t": seed}} | (
            {"rare": 1} if seed else {}
        )
        set_values(make_run(project, group=f"g{seed}"), config=config, summary={"acc": seed})
    found = varying(group_candidates(project, Runset()))
    assert [(it.field.key, it.distinct, it.excepted) for it in found] == [
        ("lr", 2, False), ("opt.seed", 4, True), ("rare", 1, False)
    ]  # fmt: skip


@pytest.mark.django_db
def test_the_sizes_of_groups_are_told_in_a_few_words():
    project = make_project()
    lr, seed, same = map(field_from, ("config.lr", "config.seed", "config.same"))
    for number, rate in enumerate([1, 1, 1, 2, 2, 3]):
        set_values(make_run(project), config={"lr": rate, "seed": number, "same": 1})
    expected = {(lr,): "3 groups of 1 to 3 runs", (lr, seed): "6 groups of 1 run", (same,): "1 group of 6 runs"}
    for fields, said in expected.items():
        assert group_sizes(project, Runset(fields=fields, grouped=True)) == said
    assert group_sizes(project, Runset(fields=(lr,))) == ""
