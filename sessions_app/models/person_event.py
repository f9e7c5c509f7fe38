from django.db import models

from sessions_app.domain.people import PersonAct
from sessions_app.models.fields import choice_field, id_field, one_of
from sessions_app.models.tenant import Tenant


class PersonEvent(models.Model):
    """Something was done with a person's log-in or membership, or with something else that has no history of its own: a
    tenant, a token, a policy, an OAuth client, maintenance, an alert. Written with it, never changed.

    `person` is the name of whom or what it was done with, and no key: the record outlives it.
    """

    id = id_field()
    person = models.CharField(max_length=254)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, related_name="+")
    act = choice_field(PersonAct)
    actor = models.CharField(max_length=150)
    address = models.CharField(max_length=64, blank=True)
    note = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["person", "at"], name="person_events_by_person"),
            models.Index(fields=["tenant", "at"], name="person_events_by_tenant"),
        ]
        constraints = [one_of("act", PersonAct, name="person_act_known")]

    def __str__(self) -> str:
        return f"{self.person}: {self.act}"
