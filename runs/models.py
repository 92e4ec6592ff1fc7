"""What a run is and what it said.

Every table owned by a run leads its primary key with the run's id and has no other unique constraint, so that rows can
be spread over servers by it. `Column` is a reference table of the project.
"""

import uuid

from django.db import models
from django.db.models import Value
from django.db.models.functions import Concat, Left
from django.utils import timezone

from runs.fields import JSONTextField


class State(models.TextChoices):
    """Life of a run. CRASHED is derived from silence (runs.states), never stored."""

    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"
    CRASHED = "crashed", "Crashed"
    KILLED = "killed", "Killed"
    PREEMPTING = "preempting", "Preempting"
    PREEMPTED = "preempted", "Preempted"


def run_id(project_id: uuid.UUID, name: str) -> uuid.UUID:
    """The id of the run `name` of a project: UUIDv5, so that two writers of one run agree without asking."""
    return uuid.uuid5(project_id, name)


GROUP_START = 100


class Run(models.Model):
    id = models.UUIDField(primary_key=True)
    project = models.ForeignKey("projects.Project", models.CASCADE, related_name="runs", db_index=False)
    name = models.TextField(help_text="The client's run id, unique in the project.")
    display_name = models.TextField()
    group = models.TextField(default="", blank=True)
    job_type = models.TextField(default="", blank=True)
    notes = models.TextField(default="", blank=True)
    tags = JSONTextField(default=list)
    sweep = models.TextField(default="", blank=True)
    user_name = models.TextField(default="", blank=True)
    host = models.TextField(default="", blank=True)
    program = models.TextField(default="", blank=True)
    git_remote = models.TextField(default="", blank=True)
    git_commit = models.TextField(default="", blank=True)

    state = models.TextField(choices=State.choices, default=State.RUNNING)
    exit_code = models.IntegerField(null=True)
    stop_requested = models.BooleanField(default=False)

    config = JSONTextField(default=dict, help_text="Key → value, as logged, nested.")
    client_info = JSONTextField(default=dict, help_text="The client's own `_wandb` config entry.")
    summary = JSONTextField(default=dict, help_text="As sent, nested.")

    history_lines = models.BigIntegerField(default=0, help_text="Over all writers.")
    last_step = models.BigIntegerField(default=-1, help_text="Largest step logged; -1 when none.")
    recent = models.BinaryField(default=b"", help_text="Digests of the client's last requests, the latest last.")

    # What is asked of all runs of a project, by indexes that hold it. Whole, a text may be longer than an index allows.
    group_start = models.GeneratedField(
        expression=Left("group", GROUP_START), output_field=models.TextField(), db_persist=True
    )
    names = models.GeneratedField(
        expression=Concat(
            Left("display_name", 200), Value("\n"), Left("name", 100), Value("\n"), Left("tags", 200),
            output_field=models.TextField(),
        ),
        output_field=models.TextField(), db_persist=True, help_text="What a search looks at; tags as JSON.",
    )  # fmt: skip

    created_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(default=timezone.now, help_text="Any change that a page shows.")
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # The first holds all that is asked of every run of a project; rows, with their configs, are left alone.
            models.Index(fields=["project", "deleted_at", "created_at", "id", "changed_at"]),
            models.Index(fields=["project", "state", "deleted_at"]),
            models.Index(fields=["project", "deleted_at", "group_start", "created_at", "id"]),
            models.Index(fields=["project", "deleted_at", "created_at", "id", "names"]),
            models.Index(fields=["project", "changed_at"]),
        ]

    def __str__(self) -> str:
        return self.display_name


class Tag(models.Model):
    """One tag of a run; the same tags as Run.tags, to filter and group by."""

    pk = models.CompositePrimaryKey("run_id", "tag")
    run = models.ForeignKey(Run, models.CASCADE, related_name="tag_rows", db_index=False)
    tag = models.TextField()


class Scope(models.TextChoices):
    """Where a column's values live. `system` are the client's machine metrics.

    Of `step_metric`, keys are metrics and globs, and a run's value is the step metric it defined for them.
    """

    CONFIG = "config"
    SUMMARY = "summary"
    HISTORY = "history"
    SYSTEM = "system"
    STEP_METRIC = "step_metric"


class Kind(models.IntegerChoices):
    """Type of one value. Column.kinds is the sum of those seen."""

    NUMBER = 1
    TEXT = 2
    BOOL = 4
    NULL = 8
    LIST = 16
    OBJECT = 32  # a typed value of the client ({"_type": …}) or an empty dict


class Column(models.Model):
    """One key of a project's config, summary, history or system metrics.

    The id is UUIDv5 of (project, scope:key): see runs.columns.column_id. Only ever inserted, or widened by a kind.
    """

    id = models.UUIDField(primary_key=True)
    project = models.ForeignKey("projects.Project", models.CASCADE, related_name="columns", db_index=False)
    scope = models.TextField(choices=Scope.choices)
    key = models.TextField(help_text="Dotted; never cut.")
    kinds = models.IntegerField(default=0, help_text="Sum of runs.models.Kind seen.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["project", "scope"])]


class ColumnValue(models.Model):
    """One config or summary value of one run, typed (runs.columns.flatten)."""

    pk = models.CompositePrimaryKey("run_id", "column_id")
    run = models.ForeignKey(Run, models.CASCADE, related_name="column_values", db_index=False)
    column = models.ForeignKey(Column, models.CASCADE, related_name="values", db_index=False)
    kind = models.IntegerField(choices=Kind.choices)
    number = models.FloatField(null=True, help_text="Finite numbers and booleans (0, 1).")
    token = models.CharField(max_length=200, help_text="Canonical typed form: equal values have equal tokens.")
    text = models.TextField(help_text="As shown; at most 1,000 characters.")

    class Meta:
        indexes = [
            models.Index(fields=["column", "token", "run"]),
            models.Index(fields=["column", "number", "run", "kind"]),
        ]


class StreamName(models.TextChoices):
    """What a client appends to, line by line."""

    HISTORY = "history"
    EVENTS = "events"
    CONSOLE = "console"


class Stream(models.Model):
    """How far one writer of a run has come in one stream. `writer` is "" but in shared mode."""

    pk = models.CompositePrimaryKey("run_id", "stream", "writer")
    run = models.ForeignKey(Run, models.CASCADE, related_name="streams", db_index=False)
    stream = models.TextField(choices=StreamName.choices)
    writer = models.TextField(default="", blank=True)
    lines = models.BigIntegerField(default=0)
    sealed_lines = models.BigIntegerField(default=0, help_text="Lines moved from the tail into chunks.")
    restart = models.BooleanField(
        default=False, help_text="The run was started anew: a request at line 0 replaces what is stored."
    )


class HistoryTail(models.Model):
    """Lines that are not sealed yet, of one or more requests. Layout: runs/history/FORMAT.md."""

    pk = models.CompositePrimaryKey("run_id", "stream", "writer", "first_line")
    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    stream = models.TextField(choices=StreamName.choices)
    writer = models.TextField(default="", blank=True)
    first_line = models.BigIntegerField()
    count = models.IntegerField()
    data = models.BinaryField()


class HistoryChunk(models.Model):
    """A sealed piece of one column's series. Layout: runs/history/FORMAT.md."""

    pk = models.CompositePrimaryKey("run_id", "column_id", "writer", "first_line")
    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    column = models.ForeignKey(Column, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    writer = models.TextField(default="", blank=True)
    first_line = models.BigIntegerField(help_text="First line of the sealed stretch, shared by its columns.")
    count = models.IntegerField(help_text="Values in the chunk.")
    first_step = models.BigIntegerField()
    last_step = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["column", "run", "writer", "first_line", "first_step", "last_step"])]


class Rollup(models.Model):
    """Buckets of one column at one width (16·2^level steps). Layout: runs/history/FORMAT.md."""

    pk = models.CompositePrimaryKey("run_id", "column_id", "level", "segment")
    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    column = models.ForeignKey(Column, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    level = models.SmallIntegerField(
        help_text="Width is 16·2^level steps; 64 more for minima and maxima; -1 for the row that says what is there."
    )
    segment = models.BigIntegerField(help_text="Which stretch of buckets, by absolute step.")
    data = models.BinaryField()


class ConsoleLine(models.Model):
    pk = models.CompositePrimaryKey("run_id", "writer", "number")
    run = models.ForeignKey(Run, models.CASCADE, related_name="console_lines", db_index=False)
    writer = models.TextField(default="", blank=True)
    number = models.BigIntegerField()
    text = models.TextField(help_text="As sent: time stamp and ERROR mark included.")


class RunFile(models.Model):
    """A file of a run. The bytes are in Django's default storage under `stored_as`."""

    pk = models.CompositePrimaryKey("run_id", "name")
    run = models.ForeignKey(Run, models.CASCADE, related_name="files", db_index=False)
    name = models.TextField(help_text="Relative path as the client named it.")
    size = models.BigIntegerField(null=True, help_text="Null until the bytes have arrived.")
    md5 = models.TextField(default="", blank=True, help_text="Base64.")
    content_type = models.TextField(default="", blank=True)
    stored_as = models.TextField(default="", blank=True)
    uploaded_at = models.DateTimeField(null=True)


class ArtifactCollection(models.Model):
    """The versions of an artifact, under one name in a project. Artifact tables are reference tables, as `Column`."""

    id = models.UUIDField(primary_key=True)
    project = models.ForeignKey("projects.Project", models.CASCADE, related_name="artifact_collections", db_index=False)
    name = models.TextField()
    type = models.TextField()
    description = models.TextField(default="", blank=True)
    tags = JSONTextField(default=list)
    versions = models.IntegerField(default=0, help_text="Ever committed: the number of the next.")
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["project", "changed_at"])]

    def __str__(self) -> str:
        return self.name


def artifact_collection_id(project_id: uuid.UUID, name: str) -> uuid.UUID:
    """UUIDv5: two runs that log the first version at once agree without asking."""
    return uuid.uuid5(project_id, f"artifact:{name}")


class Artifact(models.Model):
    """One version of a collection; one without a number is not committed yet, and no page shows it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    collection = models.ForeignKey(ArtifactCollection, models.CASCADE, related_name="artifacts", db_index=False)
    version = models.IntegerField(null=True)
    digest = models.TextField(help_text="Of all its files, as the client works it out: equal content, equal digest.")
    description = models.TextField(default="", blank=True)
    metadata = JSONTextField(null=True)
    tags = JSONTextField(default=list)
    wanted_aliases = JSONTextField(default=list, help_text="To be given when it is committed.")
    distributed_id = models.TextField(default="", blank=True, help_text="Shared by the runs that write it together.")
    history_step = models.BigIntegerField(null=True)
    size = models.BigIntegerField(default=0)
    file_count = models.IntegerField(default=0)
    manifest_stored_as = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collection", "version"], name="artifact_version_once")]
        indexes = [models.Index(fields=["collection", "digest"])]

    def __str__(self) -> str:
        return f"{self.collection.name}:{self.number}"

    @property
    def number(self) -> str:
        """ "v3": by which a version is named."""
        return f"v{self.version}"


class ArtifactAlias(models.Model):
    """A name that stands for one version at a time. `vN` is none of them: it follows from the number."""

    pk = models.CompositePrimaryKey("collection_id", "alias")
    collection = models.ForeignKey(ArtifactCollection, models.CASCADE, related_name="aliases", db_index=False)
    alias = models.TextField()
    artifact = models.ForeignKey(Artifact, models.CASCADE, related_name="aliases")


class ArtifactClient(models.Model):
    """Which version a client's own id for it became. The id is UUIDv5 of that: runs.artifacts.client_key."""

    id = models.UUIDField(primary_key=True)
    artifact = models.ForeignKey(Artifact, models.CASCADE, related_name="+")


class ArtifactManifest(models.Model):
    """What a client says of the files of a version that is not committed yet; there may be one for each writer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    artifact = models.ForeignKey(Artifact, models.CASCADE, related_name="manifests")
    base = models.ForeignKey(Artifact, models.SET_NULL, null=True, related_name="+", help_text="What it adds to.")
    digest = models.TextField(default="", blank=True, help_text="MD5, base64.")
    stored_as = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)


class ArtifactContent(models.Model):
    """The bytes of files, once in a project however many versions hold them. The id is UUIDv5 of (project, MD5)."""

    id = models.UUIDField(primary_key=True)
    project = models.ForeignKey("projects.Project", models.CASCADE, related_name="+")
    size = models.BigIntegerField()
    stored_as = models.TextField()
    needed_at = models.DateTimeField(default=timezone.now, help_text="When a client last said that it needs them.")


class ArtifactFile(models.Model):
    """A file of a version: its content, or a reference to where it is."""

    pk = models.CompositePrimaryKey("artifact_id", "name")
    artifact = models.ForeignKey(Artifact, models.CASCADE, related_name="files", db_index=False)
    name = models.TextField(help_text="Relative path.")
    size = models.BigIntegerField(default=0)
    digest = models.TextField(help_text="MD5, base64; of a reference whatever its place says.")
    content = models.ForeignKey(ArtifactContent, models.RESTRICT, null=True, related_name="files")
    reference = models.TextField(default="", blank=True)


class Role(models.TextChoices):
    PRODUCED = "produced", "Produced"
    USED = "used", "Used"


class RunArtifact(models.Model):
    """A run produced or used a version."""

    pk = models.CompositePrimaryKey("run_id", "artifact_id", "role")
    run = models.ForeignKey(Run, models.CASCADE, related_name="artifacts", db_index=False)
    artifact = models.ForeignKey(Artifact, models.CASCADE, related_name="runs")
    role = models.TextField(choices=Role.choices)
    at = models.DateTimeField(default=timezone.now)


class Level(models.TextChoices):
    """How grave an alert is."""

    INFO = "info", "Info"
    WARN = "warn", "Warning"
    ERROR = "error", "Error"


class Alert(models.Model):
    """What a run's script wants people to know at once."""

    pk = models.CompositePrimaryKey("run_id", "sent_at")
    run = models.ForeignKey(Run, models.CASCADE, related_name="alerts", db_index=False)
    project = models.ForeignKey("projects.Project", models.CASCADE, related_name="+", db_index=False)
    sent_at = models.DateTimeField(help_text="When it arrived; no two of a run at once.")
    level = models.TextField(choices=Level.choices)
    title = models.TextField()
    text = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["project", "sent_at"])]


class SweepState(models.TextChoices):
    """Life of a sweep. FINISHED is also derived (runs.sweeps.shown): all was tried, and no run is going on."""

    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    FINISHED = "finished", "Finished"
    CANCELED = "canceled", "Canceled"


def sweep_id(project_id: uuid.UUID, name: str) -> uuid.UUID:
    """The id of the sweep `name` of a project: UUIDv5."""
    return uuid.uuid5(project_id, f"sweep:{name}")


class Sweep(models.Model):
    """A search over parameters: what to try (runs.search), and how far it has come.

    Sweeps and their agents are reference tables of the project, like `Column`.
    """

    id = models.UUIDField(primary_key=True)
    project = models.ForeignKey("projects.Project", models.CASCADE, related_name="sweeps", db_index=False)
    name = models.TextField(help_text="The client's sweep id, unique in the project; its runs' `sweep`.")
    display_name = models.TextField(default="", blank=True)
    description = models.TextField(default="", blank=True)
    config = JSONTextField(default=dict, help_text="As sent, checked by runs.search.config.")
    method = models.TextField()
    state = models.TextField(choices=SweepState.choices, default=SweepState.PENDING)
    given = models.BigIntegerField(default=0, help_text="Trials given out: the number of the next one.")
    run_limit = models.BigIntegerField(null=True, help_text="How many trials there are to give; null: endless.")
    user_name = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(null=True, help_text="The last sign of life of an agent.")

    class Meta:
        indexes = [models.Index(fields=["project", "created_at"])]

    def __str__(self) -> str:
        return self.display_name or self.name


class SweepAgent(models.Model):
    """A process that asks for parameters and runs them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="agents")
    host = models.TextField(default="", blank=True)
    user_name = models.TextField(default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)


class Trial(models.Model):
    """Parameters given to an agent, for a run that begins later, if at all: hence no constraint to its row."""

    run = models.OneToOneField(Run, models.CASCADE, primary_key=True, related_name="trial", db_constraint=False)
    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="trials", db_index=False)
    agent = models.ForeignKey(SweepAgent, models.CASCADE, related_name="trials", db_index=False)
    run_name = models.TextField()
    number = models.BigIntegerField(help_text="In the order given out, from 0; of a grid, the point.")
    parameters = JSONTextField(default=dict, help_text="Nested, as the run's config gets them.")
    times = models.SmallIntegerField(default=1, help_text="How often it was given out.")
    given_at = models.DateTimeField(default=timezone.now)
    stop = models.BooleanField(default=False, help_text="Its agent is to end it.")
    rungs = JSONTextField(default=list, help_text="runs.search.hyperband.best_at of the metric so far.")
    measured_lines = models.BigIntegerField(default=0, help_text="Lines of history that `rungs` stand on.")

    class Meta:
        indexes = [models.Index(fields=["sweep", "number"])]
