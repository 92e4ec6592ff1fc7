from django import template

from projects.access import Person, may_write
from projects.models import Project

register = template.Library()


@register.filter
def written_by(project: Project, person: Person) -> bool:
    """Whether what only writers can use is shown."""
    return may_write(person, project.entity)
