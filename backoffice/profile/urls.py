"""Below /me/."""

from django.urls import path

from backoffice.profile import alerts, factors, pages, passkeys, preferences

app_name = "profile"

urlpatterns = [
    path("", pages.me, name="me"),
    path("preferences/", preferences.page, name="preferences"),
    path("password/", pages.password, name="password"),
    path("sessions/<uuid:number>/end/", pages.end_session, name="end_session"),
    path("sessions/end/", pages.end_others, name="end_others"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/test/", alerts.test_mail, name="test_mail"),
    path("second-factor/", factors.set_up, name="second_factor"),
    path("second-factor/codes/", factors.codes, name="codes"),
    path("second-factor/remove/", factors.remove, name="remove_factor"),
    path("passkeys/add/", passkeys.add, name="add_passkey"),
    path("passkeys/<uuid:number>/remove/", passkeys.remove, name="remove_passkey"),
]
