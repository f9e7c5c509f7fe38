"""Pages for humans."""

from django.urls import URLPattern, URLResolver, path

from backoffice.staff.admin import register_all
from backoffice.staff.site import site

register_all(site)

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", site.urls),
]
