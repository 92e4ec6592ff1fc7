from typing import Any

from django import template

from projects.access import may_write
from projects.models import Project

register = template.Library()


@register.simple_tag(takes_context=True)
def written_by_reader(context: dict[str, Any], project: Project) -> bool:
    """Whether what only writers can use is shown; a page that has found out, for itself, is not asked again."""
    known = context.get("may_write")
    return may_write(context["request"].user, project.entity) if known is None else known
