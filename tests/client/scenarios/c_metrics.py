"""Config changes, define_metric, nested keys, numbers that are no JSON, odd keys and values."""

import math
import os

import numpy as np
import wandb

run = wandb.init(project="metrics-" + os.urandom(3).hex(), config={"lr": 0.1, "epochs": 3})
run.define_metric("epoch")
run.define_metric("val/*", step_metric="epoch")
run.define_metric("train/loss", summary="min")
run.define_metric("train/acc", summary="max,mean,last")
run.define_metric("copy", step_metric="epoch", step_sync=False, summary="copy")
run.define_metric("nosum", summary="none")
step = 0
for epoch in range(3):
    for _ in range(4):
        run.log({"train/loss": 1.0 / (step + 1), "train/acc": step / 12, "copy": step, "nosum": step, "epoch": epoch})
        step += 1
    run.log({"val/loss": 2.0 / (epoch + 1), "epoch": epoch})
    run.config.update({"lr": 0.1 * 0.5**epoch}, allow_val_change=True)
run.config["added_later"] = {"deep": [1, {"x": None}]}
run.log({"nan": float("nan"), "pinf": float("inf"), "ninf": float("-inf")})
run.log({"f32": np.float32(0.1), "i64": np.int64(7), "big": 2**60, "bool": True, "str": "text", "list": [1, 2, 3]})
run.log({"a": {"b": {"c": 1}, "d.e": 2}, "dot.key": 3, "unicode ключ": 4})
run.log({"explicit": 1}, step=100)
run.log({"explicit": 2}, step=100)
run.log({"late": 1}, step=5)
run.log({"commit_false": 1}, commit=False)
run.log({"with_commit": 1})
run.summary["manual"] = 5
run.finish()

stored = wandb.Api().run(f"{run.entity}/{run.project}/{run.id}")
assert stored.config == {"lr": 0.025, "epochs": 3, "added_later": {"deep": [1, {"x": None}]}}, stored.config
rows = list(stored.scan_history())
assert [row["train/loss"] for row in rows if row.get("train/loss") is not None] == [1.0 / (i + 1) for i in range(12)]
assert [(row["val/loss"], row["epoch"]) for row in rows if row.get("val/loss")] == [(2.0, 0), (1.0, 1), (2.0 / 3, 2)]
by_step = {row["_step"]: row for row in rows}
assert math.isnan(by_step[15]["nan"])
assert (by_step[15]["pinf"], by_step[15]["ninf"]) == (math.inf, -math.inf)
assert (by_step[16]["i64"], by_step[16]["bool"], by_step[16]["str"], by_step[16]["list"]) == (
    7,
    True,
    "text",
    [1, 2, 3],
)
assert by_step[16]["big"] == 2**60
assert (by_step[17]["dot.key"], by_step[17]["unicode ключ"], by_step[17]["a.b.c"]) == (3, 4, 1)
assert by_step[100]["explicit"] == 2
assert by_step[100]["commit_false"] == by_step[100]["with_commit"] == 1
assert stored.summary["train/loss"]["min"] == 1 / 12
assert stored.summary["train/acc"]["last"] == 11 / 12
assert stored.summary["manual"] == 5
assert "nosum" not in stored.summary
