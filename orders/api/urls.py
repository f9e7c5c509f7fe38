"""Below /ea-gateway/v1/."""

from django.urls import path

from orders.api import views

urlpatterns = [
    path("sessions/<uuid:session_id>/commands", views.CommandsView.as_view(), name="commands"),
    path("sessions/<uuid:session_id>/reports", views.ReportsView.as_view(), name="reports"),
]
