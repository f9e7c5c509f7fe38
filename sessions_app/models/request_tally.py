from django.db import models
from django.db.models import Q


class RequestTally(models.Model):
    """How often something was asked for in its present minute: the one row per `scope` that makes a limit exact."""

    scope = models.CharField(max_length=200, primary_key=True)
    started_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(count__gte=1), name="tally_counts")]

    def __str__(self) -> str:
        return f"{self.scope}: {self.count}"
