"""Pages for humans."""

from django.urls import URLPattern, URLResolver, include, path

from backoffice.profile import joining, resets
from backoffice.staff.admin import register_all
from backoffice.staff.site import site
from backoffice.tenants import sign_in

register_all(site)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", sign_in.home, name="home"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/code/", sign_in.code, name="sign_in_code"),
    path("sign-in/passkey/", sign_in.passkey, name="sign_in_passkey"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign_out"),
    path("password/reset/", resets.AskForReset.as_view(), name="password_reset"),
    path("password/reset/sent/", resets.sent, name="password_reset_sent"),
    path("password/reset/<str:uidb64>/<str:token>/", resets.SetNewPassword.as_view(), name="password_reset_confirm"),
    path("invitation/<str:token>/", joining.invitation, name="invitation"),
    path("me/", include("backoffice.profile.urls")),
    path("t/", include("backoffice.tenants.urls")),
    path("admin/", site.urls),
]
