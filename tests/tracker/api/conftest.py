from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tests.projects.cast import Cast, make_cast
from tests.tracker.api.experiment import log, losses


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: Any) -> Iterator[Cast]:
    """Once for all tests of a file; what a test writes is gone after it."""
    with django_db_blocker.unblock(), transaction.atomic():
        cast = make_cast()
        for lr in (0.1, 0.3):
            for seed, series in enumerate(losses(lr).tolist()):
                log(cast.project, f"lr{lr}-{seed}", lr, series)
        yield cast
        transaction.set_rollback(True)
