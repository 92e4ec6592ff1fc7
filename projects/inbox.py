"""The alerts of the projects of a person's entities, and which of them the person has read.

Projects that are only public are left out: anybody could fill everybody's inbox.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from projects.access import visible_projects
from projects.models import Inbox, ReadAlert, User
from runs.models import Alert

MOST_COUNTED = 100


def alerts_of(user: User) -> QuerySet[Alert]:
    """Latest first."""
    mine = visible_projects(user).filter(entity__memberships__user=user)
    found = Alert.objects.filter(project__in=mine.values("pk"), run__deleted_at=None)
    return found.order_by("-sent_at", "run_id")


def unread_of(user: User) -> QuerySet[Alert]:
    seen = Coalesce(Subquery(Inbox.objects.filter(user=user).values("read_until")), Value(user.date_joined))
    read = ReadAlert.objects.filter(user=user, run=OuterRef("run_id"), sent_at=OuterRef("sent_at"))
    return alerts_of(user).filter(~Exists(read), sent_at__gt=seen)


def unread_count(user: User) -> int:
    """At most MOST_COUNTED. One query."""
    return unread_of(user).order_by()[:MOST_COUNTED].count()


def read_until(user: User) -> datetime:
    return Inbox.objects.filter(user=user).values_list("read_until", flat=True).first() or user.date_joined


@transaction.atomic
def inbox_read(*, user: User, until: datetime) -> None:
    """All that came until then; never less than before."""
    until = min(max(until, read_until(user)), timezone.now())
    Inbox.objects.update_or_create(user=user, defaults={"read_until": until})
    ReadAlert.objects.filter(user=user, sent_at__lte=until).delete()


def alert_read(*, user: User, run: uuid.UUID, sent_at: datetime) -> None:
    """One of theirs; what is none changes nothing."""
    if unread_of(user).filter(run=run, sent_at=sent_at).exists():
        ReadAlert.objects.bulk_create([ReadAlert(user=user, run=run, sent_at=sent_at)], ignore_conflicts=True)
