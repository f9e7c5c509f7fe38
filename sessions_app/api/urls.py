"""Below /ea-gateway/v1/. The event socket lives beside these, in eagateway.routing."""

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from sessions_app.api import oauth, views

urlpatterns = [
    path("sessions", views.SessionsView.as_view(), name="sessions"),
    path("sessions/<uuid:session_id>", views.SessionView.as_view(), name="session"),
    path("oauth/token", oauth.ClientTokenView.as_view(), name="oauth_token"),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="openapi"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
    path("<path:elsewhere>", views.NothingView.as_view(), name="nothing"),
]
