"""Pages for humans."""

from django.urls import URLPattern, URLResolver, include, path

from backoffice.staff.admin import register_all
from backoffice.staff.site import site
from backoffice.tenants import sign_in

register_all(site)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", sign_in.home, name="home"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign_out"),
    path("t/", include("backoffice.tenants.urls")),
    path("admin/", site.urls),
]
