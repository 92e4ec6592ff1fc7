"""How often somebody may try to sign in by name and password. Kept in the database: any process may be asked."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import timedelta

from django.utils import timezone

from projects.models import SignInTry

WINDOW = timedelta(minutes=15)
TRIES_BY_NAME = 10
TRIES_BY_ADDRESS = 50  # an office has one address


def try_begin(*, name: str, address: str) -> bool:
    """Note a try; False, and nothing is noted, if there were too many of this name or from this address of late.

    It is noted before the password is looked at, so that many at once are not all the last that is allowed.
    """
    one = SignInTry.objects.create(name_hash=_hash(name), address_hash=_hash(_network(address)))
    recent = SignInTry.objects.filter(at__gt=timezone.now() - WINDOW)
    of_name = recent.filter(name_hash=one.name_hash).count()
    of_address = recent.filter(address_hash=one.address_hash).count()
    if of_name <= TRIES_BY_NAME and of_address <= TRIES_BY_ADDRESS:
        return True
    one.delete()
    return False


def tries_clear(*, name: str, address: str) -> None:
    """Whoever comes in starts anew. What the address tried with other names stays: its own account would clear it."""
    SignInTry.objects.filter(name_hash=_hash(name), address_hash=_hash(_network(address))).delete()


def tries_forget() -> int:
    """Remove those that no longer count; how many."""
    return SignInTry.objects.filter(at__lt=timezone.now() - WINDOW).delete()[0]


def _network(address: str) -> str:
    """Of IPv6 the /64, which is what one customer has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
