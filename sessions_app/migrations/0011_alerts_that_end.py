"""Alerts that end by themselves with the fact that they tell of, and the codes of what must never be silent."""

from typing import Any

from django.db import migrations, models
from django.db.models import Q

_CODES = [
    "sequence_conflict", "report_discrepancy", "new_epoch", "mass_silence", "preemption_loop", "copy_numbers_low",
    "poisoned_frame", "command_missed", "unprotected", "close_undelivered", "close_overdue", "open_rejected",
    "under_filled", "offline_with_copies", "book_differs", "master_not_reconciled", "master_netting", "internal",
]  # fmt: skip


def rename(apps: Any, schema_editor: Any) -> None:
    """A copy that its broker does not close is called by what it is: its close is overdue."""
    apps.get_model("sessions_app", "OperatorAlert").objects.filter(code="orphaned_copy").update(code="close_overdue")


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0010_exact_decimals")]

    operations = [
        migrations.RemoveConstraint("operatoralert", "alert_code_known"),
        migrations.RemoveConstraint("operatoralert", "one_open_alert"),
        migrations.RemoveIndex("operatoralert", "alerts_open"),
        migrations.RunPython(rename, migrations.RunPython.noop),
        migrations.AddField("operatoralert", "resolved_at", models.DateTimeField(null=True)),
        migrations.AlterField(
            "operatoralert", "code", models.CharField(choices=[(code, code) for code in _CODES], max_length=32)
        ),
        migrations.AddConstraint(
            "operatoralert", models.CheckConstraint(condition=Q(code__in=_CODES), name="alert_code_known")
        ),
        migrations.AddConstraint(
            "operatoralert",
            models.UniqueConstraint(
                fields=["code", "subject"],
                condition=Q(acknowledged_at__isnull=True, resolved_at__isnull=True),
                name="one_open_alert",
            ),
        ),
        migrations.AddIndex(
            "operatoralert",
            models.Index(
                fields=["at"], condition=Q(acknowledged_at__isnull=True, resolved_at__isnull=True), name="alerts_open"
            ),
        ),
    ]
