"""What a person was called for about a copy, each by itself: one call silenced another one."""

from typing import Any

from django.db import migrations, models
from django.db.models import F


def keep(apps: Any, schema_editor: Any) -> None:
    """What was called for stays called, and ends. Nobody knows whether a close that was overdue was told: it is again."""
    called = apps.get_model("orders", "Copy").objects.filter(called_at__isnull=False)
    called.update(repeated_at=F("called_at"), undelivered_at=F("called_at"))


class Migration(migrations.Migration):
    dependencies = [("orders", "0016_hot_rows_without_foreign_keys")]

    operations = [
        migrations.AddField("copy", "repeated_at", models.DateTimeField(null=True)),
        migrations.AddField("copy", "undelivered_at", models.DateTimeField(null=True)),
        migrations.AddField("copy", "overdue_at", models.DateTimeField(null=True)),
        migrations.RunPython(keep, migrations.RunPython.noop),
        migrations.RemoveField("copy", "called_at"),
    ]
