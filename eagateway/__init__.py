"""Wiring only: settings, routes, the socket's composition root, and the commands that run the whole system."""

import gc

# What follows loads two thousand modules: a million objects that stay. Looking for cycles among them every 700 objects
# took a seventh of the time until a process is ready. Servers set their own pace when they are (`interpreter.py`).
gc.set_threshold(50_000, 20, 20)

from eagateway.celery import app as celery_app  # noqa: E402 - only what comes after it is loaded faster

__all__ = ["celery_app"]
