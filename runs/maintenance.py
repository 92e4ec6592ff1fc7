"""What nobody waits for. All else works without it; it may run at any time, beside the server and beside itself."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from runs.history import store
from runs.models import Run, Stream, StreamName


def tails_seal(*, quiet: timedelta) -> int:
    """Seal what is left unsealed of runs without a sign of life for so long; how many. A transaction for each run.

    A run that goes on, however slowly, is not sealed here: its series would end up in crumbs.
    """
    limit = timezone.now() - quiet
    unsealed = Stream.objects.filter(sealed_lines__lt=F("lines"), run__heartbeat_at__lt=limit, run__deleted_at=None)
    keys = list(
        unsealed.exclude(stream=StreamName.CONSOLE).order_by("run_id").values_list("run_id", flat=True).distinct()
    )
    sealed = 0
    for key in keys:
        with transaction.atomic():
            # It may have come back since it was listed.
            if Run.objects.select_for_update().filter(pk=key, heartbeat_at__lt=limit, deleted_at=None).exists():
                store.seal(run_id=key)
                sealed += 1
    return sealed
