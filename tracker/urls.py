from django.urls import include, path

from tracker.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("", include("tracker.wire.urls")),
    path("", include("tracker.api.urls")),
    path("", include("projects.urls")),
]
