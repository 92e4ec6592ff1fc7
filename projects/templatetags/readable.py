"""Times and sizes as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """A <time> element: "just now", "5 min ago", "3 h ago", "2 days ago", then the day; the exact time is its title."""
    if moment is None:
        return "never"
    moment = moment.astimezone(timezone.get_current_timezone())
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 60:
        text = "just now"
    elif seconds < 3600:
        text = f"{int(seconds // 60)} min ago"
    elif seconds < 86400:
        text = f"{int(seconds // 3600)} h ago"
    elif seconds < 14 * 86400:
        days = int(seconds // 86400)
        text = f"{days} day{'s' if days > 1 else ''} ago"
    else:
        text = f"{moment:%Y-%m-%d}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S %Z}", text
    )


@register.filter
def duration(length: timedelta | None) -> str:
    """ "42 s", "3 min 20 s", "1 h 05 min", "2 d 3 h"."""
    if length is None:
        return ""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"
