from django.urls import path

from tracker.api import charts, docs, groups, runs

_PROJECT = "api/<str:entity>/<str:project>"

urlpatterns = [
    path("api/", docs.docs, name="api"),
    path("api/schema/", docs.SchemaOfAll.as_view(), name="api-schema"),
    path("api/projects", runs.Projects.as_view(), name="api-projects"),
    path(_PROJECT, runs.OneProject.as_view(), name="api-project"),
    path(f"{_PROJECT}/runs", runs.Runs.as_view(), name="api-runs"),
    path(f"{_PROJECT}/runs/<str:run>", runs.OneRun.as_view(), name="api-run"),
    path(f"{_PROJECT}/runs/<str:run>/history", runs.History.as_view(), name="api-history"),
    path(f"{_PROJECT}/columns", runs.Columns.as_view(), name="api-columns"),
    path(f"{_PROJECT}/groups", groups.Groups.as_view(), name="api-groups"),
    path(f"{_PROJECT}/groups/<any:group>", groups.OneGroup.as_view(), name="api-group"),
    path(f"{_PROJECT}/series", charts.Series.as_view(), name="api-series"),
    path(f"{_PROJECT}/results", charts.Results.as_view(), name="api-results"),
    path(f"{_PROJECT}/compare", charts.Compare.as_view(), name="api-compare"),
    path(f"{_PROJECT}/export", runs.Export.as_view(), name="api-export"),
]
