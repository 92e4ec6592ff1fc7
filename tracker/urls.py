from django.urls import include, path

from tracker.health import healthz
from tracker.metrics import metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("", include("tracker.wire.urls")),
    path("", include("tracker.api.urls")),
    path("", include("projects.urls")),
]
