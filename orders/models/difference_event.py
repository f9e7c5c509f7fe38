from django.db import models

from orders.models.difference import Difference
from sessions_app.models.fields import OF_PEOPLE, address_field, id_field


class DifferenceEvent(models.Model):
    """One change of state of a difference: why, by whom, and when. Written in the change's own transaction."""

    id = id_field()
    difference = models.ForeignKey(Difference, on_delete=models.CASCADE, related_name="events")
    from_state = models.CharField(max_length=32, blank=True)
    to_state = models.CharField(max_length=32)
    reason = models.CharField(max_length=255, blank=True)
    actor = models.CharField(max_length=150)
    address = address_field()
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["difference", "at"], name="difference_events_by_time"),
            models.Index(fields=["id"], condition=OF_PEOPLE, name="difference_events_of_people"),
        ]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} -> {self.to_state}"
