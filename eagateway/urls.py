"""Every address of the deployment, but for the event socket (eagateway.routing)."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("ea-gateway/v1/", include("sessions_app.api.urls")),
    path("", include("backoffice.urls")),
]
