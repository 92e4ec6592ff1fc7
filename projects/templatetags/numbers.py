"""Numbers as people read them, in templates."""

from __future__ import annotations

from django import template

from projects.rounding import number, probability

register = template.Library()
register.filter(number)
register.filter(probability)


@register.filter
def true_minus(shown: object) -> str:
    """Numbers as they are set in a table (copy.js gives hyphens back to what is copied)."""
    return str(shown).replace("-", "−")
