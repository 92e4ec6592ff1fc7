"""What the header of every page says of the inbox."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AnonymousUser

from projects.inbox import MOST_COUNTED, unread_count
from projects.models import User

register = template.Library()


@register.simple_tag
def unread_alerts(user: User | AnonymousUser) -> str:
    """How many: "", "7", "99+"."""
    if not isinstance(user, User):
        return ""
    unread = unread_count(user)
    return f"{MOST_COUNTED - 1}+" if unread == MOST_COUNTED else str(unread or "")
