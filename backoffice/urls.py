"""Pages for humans, and the health check."""

from django.urls import URLPattern, URLResolver, path

from backoffice.staff.admin import register_all
from backoffice.staff.health import healthz
from backoffice.staff.site import site

register_all(site)

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("admin/", site.urls),
]
