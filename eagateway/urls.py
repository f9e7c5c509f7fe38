"""Every address that Django answers; event socket, exchange and health stand before it (eagateway.routing)."""

from django.urls import URLPattern, URLResolver, include, path

from eagateway.documents import published
from sessions_app.rest.published import PublishedView

_documents = [
    path("openapi.json", PublishedView.as_view(document=published.OPENAPI), name="openapi"),
    path("asyncapi.json", PublishedView.as_view(document=published.ASYNCAPI), name="asyncapi"),
    path("schemas/frames.json", PublishedView.as_view(document=published.FRAMES), name="frames"),
]

handler403 = "backoffice.refusals.refused"

urlpatterns: list[URLPattern | URLResolver] = [
    path("ea-gateway/v1/", include(_documents)),
    path("ea-gateway/v1/manage/", include("backoffice.manage.urls")),
    path("ea-gateway/v1/", include("orders.api.urls")),
    path("ea-gateway/v1/", include("sessions_app.api.urls")),  # answers for every other address below: the last one
    path("", include("backoffice.urls")),
]
