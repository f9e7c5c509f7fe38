"""Wiring only: settings, routes, the socket's composition root, and the commands that run the whole system."""

from eagateway.celery import app as celery_app

__all__ = ["celery_app"]
