"""Below /ea-gateway/v1/. The event socket and the documents live beside these, in eagateway."""

from django.urls import path
from drf_spectacular.views import SpectacularSwaggerSplitView

from sessions_app.api import oauth, views

urlpatterns = [
    path("sessions", views.SessionsView.as_view(), name="sessions"),
    path("sessions/<uuid:session_id>", views.SessionView.as_view(), name="session"),
    path("sessions/<uuid:session_id>/events", views.EventsView.as_view(), name="events"),
    path("oauth/token", oauth.ClientTokenView.as_view(), name="oauth_token"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
    path("<path:elsewhere>", views.NothingView.as_view(), name="nothing"),
]
