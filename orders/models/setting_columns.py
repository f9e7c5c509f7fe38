"""The columns of a subscription's settings, made from their table."""

from typing import Any, Final

from django.db import models

from orders.domain.decision.setting_table import Amount, Choice, Content, Setting, Switch, Text, Whole
from orders.domain.decision.settings import SETTINGS, Settings
from sessions_app.models.fields import choice_field, decimal_field, one_of

_BLANK: Final = {"filters"}  # its migration says so; whether a form may leave it empty makes no other column


class SettingColumns(models.Model):
    """One column for each setting. Code reads them through `settings`, which has their types."""

    class Meta:
        abstract = True

    @property
    def settings(self) -> Settings:
        """What this row's settings are by now."""
        return SETTINGS.restored(self)


def column(row: Setting) -> "models.Field[Any, Any]":
    """The column that keeps one setting. A wider bound changes none of them; a new setting needs a migration."""
    given = {} if row.default is None else {"default": row.default}
    match row.kind:
        case Choice(names):
            return choice_field(names, **given)
        case Whole():
            return models.PositiveIntegerField(null=row.default is None, **given)
        case Amount(decimal):
            return decimal_field(decimal, **given)
        case Text(most):
            return models.CharField(max_length=most, blank=True, **(given if row.default else {}))
        case Switch():
            return models.BooleanField(**given)
        case Content():
            return models.JSONField(default=dict, blank=row.name in _BLANK)


def choices_known() -> list[models.CheckConstraint]:
    """The database's own limits of the settings that are one of several names."""
    chosen = [(row.name, row.kind) for row in SETTINGS.rows if isinstance(row.kind, Choice)]
    return [one_of(name, kind.names, name=f"subscription_{name}_known") for name, kind in chosen]


for _row in SETTINGS.rows:
    SettingColumns.add_to_class(_row.name, column(_row))
