"""Pages for humans, and the health check."""

from django.urls import URLPattern, URLResolver, path

from backoffice.admin import register_all
from backoffice.site import site
from backoffice.views.health import healthz

register_all(site)

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("admin/", site.urls),
]
