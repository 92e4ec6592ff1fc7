from django.urls import path

from tracker.api import views

urlpatterns = [
    path("api/projects", views.Projects.as_view(), name="api-projects"),
    path("api/<str:entity>/<str:project>/runs", views.Runs.as_view(), name="api-runs"),
    path("api/<str:entity>/<str:project>/groups", views.Groups.as_view(), name="api-groups"),
    path("api/<str:entity>/<str:project>/export", views.Export.as_view(), name="api-export"),
    path("api/<str:entity>/<str:project>/series", views.Series.as_view(), name="api-series"),
]
