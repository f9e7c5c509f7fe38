"""What every trade writes carries no index that another one makes idle: each index is written with each row."""

import pytest
from django.db import models

from orders.models import Command, Copy, Decision, Intent, MasterPosition, Report
from sessions_app.models import InboundFrame

HOT = (Command, Copy, Decision, Intent, MasterPosition, Report, InboundFrame)


def idle(model: type[models.Model]) -> list[str]:
    """Foreign keys with an index of their own though another index begins with them."""
    meta = model._meta
    composites = [index.fields for index in meta.indexes if index.condition is None]
    composites += [
        list(rule.fields)
        for rule in meta.constraints
        if isinstance(rule, models.UniqueConstraint) and rule.condition is None
    ]
    begun = {fields[0] for fields in composites}
    return [
        field.name
        for field in meta.fields
        if getattr(field, "db_index", False) and not field.unique and field.name in begun
    ]


@pytest.mark.parametrize("model", HOT, ids=lambda model: str(model.__name__))
def test_no_index_is_covered_by_another(model: type[models.Model]) -> None:
    assert idle(model) == []


def test_an_idle_one_is_seen() -> None:
    class Note(models.Model):
        copy = models.ForeignKey(Copy, on_delete=models.CASCADE, related_name="+")
        number = models.IntegerField()

        class Meta:
            app_label = "planted"
            constraints = [models.UniqueConstraint(fields=["copy", "number"], name="planted_once")]

        def __str__(self) -> str:
            return str(self.number)

    assert idle(Note) == ["copy"]
