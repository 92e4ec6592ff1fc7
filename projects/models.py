"""Who there is, what they own, and how they look at it."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from runs.fields import JSONTextField


class User(AbstractUser):
    """A person. Each has a personal entity of the same name (projects.access.user_create)."""


class Entity(models.Model):
    """Owner of projects: a person's own, or a team."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=64, unique=True)
    owner = models.OneToOneField(User, models.CASCADE, null=True, related_name="entity", help_text="Null for a team.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "entities"

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"
    VIEWER = "viewer", "Viewer"


class Membership(models.Model):
    entity = models.ForeignKey(Entity, models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.TextField(choices=Role.choices, default=Role.MEMBER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "user"], name="membership_once")]


class ApiKey(models.Model):
    """Only the SHA-256 of a key is kept: keys are 40 random characters, so a fast hash is enough."""

    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    hash = models.CharField(max_length=64, unique=True)
    last_four = models.CharField(max_length=4)
    name = models.CharField(max_length=100, default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class SignInLink(models.Model):
    """A link that signs a person in once. Only the SHA-256 of its token is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class SignInTry(models.Model):
    """One try to sign in by name and password (projects.sign_in_limit). Names and addresses are kept as SHA-256."""

    name_hash = models.CharField(max_length=64)
    address_hash = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["name_hash", "at"]),
            models.Index(fields=["address_hash", "at"]),
            models.Index(fields=["at"]),
        ]


class Visibility(models.TextChoices):
    PRIVATE = "private", "Private"
    PUBLIC = "public", "Public"


class Project(models.Model):
    """A deleted one keeps its name, which another may have meanwhile (projects.project_settings)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    entity = models.ForeignKey(Entity, models.CASCADE, related_name="projects")
    name = models.CharField(max_length=128)
    description = models.TextField(default="", blank=True)
    visibility = models.TextField(choices=Visibility.choices, default=Visibility.PRIVATE)
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entity", "name"], condition=models.Q(deleted_at=None), name="project_name_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entity.name}/{self.name}"


def default_workspace_id(project_id: uuid.UUID) -> uuid.UUID:
    """Of what a project's page shows by itself: two who change it first at once change the same row."""
    return uuid.uuid5(project_id, "default workspace")


class Workspace(models.Model):
    """How a project is looked at: a saved view, of one person or of everybody.

    The nameless one without a user is the project's default. What `settings` holds: projects.saved_views.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="workspaces", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    name = models.CharField(max_length=100, default="", blank=True)
    settings = JSONTextField(default=dict)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user", "name"], name="workspace_once_per_person"),
            models.UniqueConstraint(
                fields=["project", "name"], condition=models.Q(user=None), name="workspace_once_per_project"
            ),
        ]


class PanelSettings(models.Model):
    """What was changed on one panel; the spec keys of projects.charts.line_plot.LinePlot.

    The id is UUIDv5 of (workspace, panel): a panel's key may be longer than an index allows.
    """

    id = models.UUIDField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="panels", db_index=False)
    panel = models.TextField(help_text="The panel's key: for a line plot, its metric.")
    settings = JSONTextField(default=dict)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["workspace"])]


class GroupingPreset(models.Model):
    """Fields to group by, under a name that everybody in the project sees."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="grouping_presets", db_index=False)
    name = models.CharField(max_length=100)
    fields = JSONTextField(default=list, help_text="As projects.query.splits writes them, the outermost first.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="grouping_preset_name_once")]


class Undo(models.Model):
    """What a person changed of many runs at once and can take back for a while (projects.bulk)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    said = models.TextField(help_text="What was done, as shown.")
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["project", "user", "expires_at"]), models.Index(fields=["expires_at"])]


class UndoPart(models.Model):
    """The runs that one transaction changed."""

    undo = models.ForeignKey(Undo, models.CASCADE, related_name="parts")
    field = models.TextField(help_text="group, job_type, tag or deleted_at.")
    before = JSONTextField(
        help_text="Value before → ids of runs (hex); a tag's and a deletion's absence is an empty text."
    )
    after = models.TextField()


class Inbox(models.Model):
    """How far a person has read the alerts of their projects; who has none has read those before they came."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="inbox")
    read_until = models.DateTimeField()


class ReadAlert(models.Model):
    """An alert that a person has read by itself, and that is later than their Inbox.read_until."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    run = models.UUIDField(help_text="Not a key: the run may be gone.")
    sent_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "run", "sent_at"], name="alert_read_once")]
