"""Numbers as people read them, in templates."""

from __future__ import annotations

from django import template

from projects.rounding import number, probability

register = template.Library()
register.filter(number)
register.filter(probability)
