import pytest

from projects.query.columns import group_candidates
from projects.query.replicates import seed_like, varying
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
