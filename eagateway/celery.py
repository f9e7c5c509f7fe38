"""The Celery app and its schedule: the same tasks in every lane."""

import os
from typing import Any

from celery import Celery
from celery.app.log import Logging

from eagateway import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eagateway.settings")


class SettingsLogging(Logging):
    """The settings have set up logging already: a worker leaves it as it is."""

    def setup_logging_subsystem(self, *args: Any, **kwargs: Any) -> bool:
        return True


class GatewayCelery(Celery):
    """A worker and beat read the settings here: what is wrong with them is one sentence, as for every command."""

    def _load_config(self) -> Any:
        with startup.in_one_sentence():
            return super()._load_config()  # type: ignore[misc]  # the stubs leave it out


app = GatewayCelery("eagateway", log=SettingsLogging)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    "expire overdue sessions": {"task": "sessions.expire_overdue", "schedule": 1.0, "options": {"expires": 5}},
    "carry out due orders": {"task": "orders.carry_out_due", "schedule": 1.0, "options": {"expires": 5}},
    "show that the worker works": {"task": "housekeeping.tick", "schedule": 5.0, "options": {"expires": 10}},
    "revoke retired keys": {"task": "keys.revoke_retired", "schedule": 5.0, "options": {"expires": 10}},
    "send what is due": {"task": "outbox.work", "schedule": 5.0, "options": {"expires": 10}},
    "forget what has expired": {"task": "sessions.forget_expired", "schedule": 300.0, "options": {"expires": 600}},
    "forget old history": {"task": "orders.forget_history", "schedule": 300.0, "options": {"expires": 600}},
    "lapse pending sessions": {"task": "sessions.lapse_pending", "schedule": 60.0, "options": {"expires": 300}},
}
