from django.urls import URLPattern, URLResolver, path

from backoffice.views.health import healthz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
]
