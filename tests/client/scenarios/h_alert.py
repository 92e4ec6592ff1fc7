"""run.alert: neither a warning nor an error of the client."""

import datetime
import os

import wandb

with wandb.init(project="alert-" + os.urandom(3).hex()) as run:
    wait = datetime.timedelta(minutes=5)
    run.alert(title="Low accuracy", text="acc below 0.5", level=wandb.AlertLevel.WARN, wait_duration=wait)
    run.alert(title="t2", text="plain")
assert wandb.Api().run(f"{run.entity}/{run.project}/{run.id}").state == "finished"
