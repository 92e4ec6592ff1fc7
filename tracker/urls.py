from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from tracker.health import healthz
from tracker.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("", include("tracker.wire.urls")),
    path("", include("tracker.api.urls")),
    *([path("sso/", include("tracker.sso"))] if settings.SSO_CLIENT_ID else []),
    path("", include("projects.urls")),
]
