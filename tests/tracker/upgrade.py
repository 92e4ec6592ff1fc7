"""Fills a database at the first migrations, brings it up to date, and prints what pages and doors say of it."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

FIRST = [("projects", "0001_initial"), ("runs", "0001_initial")]
KEY = "k" * 40


def fill() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(FIRST)
    old = executor.loader.project_state(FIRST).apps
    user = old.get_model("projects", "User").objects.create(username="ada")
    entity = old.get_model("projects", "Entity").objects.create(id=uuid.uuid4(), name="ada", owner=user)
    old.get_model("projects", "Membership").objects.create(entity=entity, user=user, role="admin")
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    old.get_model("projects", "ApiKey").objects.create(user=user, hash=digest, last_four=KEY[-4:])
    project = old.get_model("projects", "Project").objects.create(
        id=uuid.uuid5(entity.id, "digits"), entity=entity, name="digits"
    )
    run = old.get_model("runs", "Run").objects.create(
        id=uuid.uuid5(project.id, "first"),
        project=project,
        name="first",
        display_name="the first run",
        group="seeds",
        tags=["old"],
        config={"lr": 0.25},
        summary={"acc": 0.75},
        state="running",
        created_at=timezone.now(),
    )
    Column, ColumnValue = (old.get_model("runs", name) for name in ("Column", "ColumnValue"))
    for scope, key, number in (("config", "lr", 0.25), ("summary", "acc", 0.75)):
        column = Column.objects.create(
            id=uuid.uuid5(project.id, f"{scope}:{key}"), project=project, scope=scope, key=key, kinds=1
        )
        token, text = f"n:{number}", str(number)
        ColumnValue.objects.create(run=run, column=column, kind=1, number=number, token=token, text=text)
    old.get_model("runs", "Tag").objects.create(run=run, tag="old")
    old.get_model("runs", "ConsoleLine").objects.create(run=run, writer="", number=0, text="epoch one")
    old.get_model("runs", "Stream").objects.create(run=run, stream="console", lines=1)


def said() -> dict[str, object]:
    from projects.models import User

    browser = Client(headers={"Host": "localhost"})
    browser.force_login(User.objects.get(username="ada"))
    basic = base64.b64encode(f"api:{KEY}".encode()).decode()
    scripts = Client(headers={"Host": "localhost", "Authorization": f"Basic {basic}"})
    line = {"files": {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step": 0, "loss": 0.5}']}}}
    sent = scripts.post("/files/ada/digits/first/file_stream", json.dumps(line), content_type="application/json")
    asked = {
        "page": browser.get("/ada/digits?group=group"),
        "run": browser.get("/ada/digits/runs/first"),
        "console": browser.get("/ada/digits/runs/first/console"),
        "stream": sent,
        "runs": scripts.get("/api/ada/digits/runs?columns=config.lr&columns=summary.acc"),
        "series": scripts.get("/api/ada/digits/series?metric=loss"),
    }
    return {name: [answer.status_code, answer.content.decode()] for name, answer in asked.items()}


fill()
call_command("migrate", interactive=False, verbosity=0)
print(json.dumps(said()))
