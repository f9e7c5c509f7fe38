"""Below /me/."""

from django.urls import path

from backoffice.profile import factors, pages

app_name = "profile"

urlpatterns = [
    path("", pages.me, name="me"),
    path("password/", pages.password, name="password"),
    path("sessions/<uuid:number>/end/", pages.end_session, name="end_session"),
    path("sessions/end/", pages.end_others, name="end_others"),
    path("second-factor/", factors.set_up, name="second_factor"),
    path("second-factor/codes/", factors.codes, name="codes"),
    path("second-factor/remove/", factors.remove, name="remove_factor"),
]
