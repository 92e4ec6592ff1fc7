from django.apps import AppConfig
from django.urls import register_converter

from projects.names import AnyName


class ProjectsConfig(AppConfig):
    name = "projects"

    def ready(self) -> None:
        register_converter(AnyName, "any")
