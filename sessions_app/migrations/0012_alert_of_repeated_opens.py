"""The alert of an open that was ordered once more though nobody knew what had become of it."""

from django.db import migrations, models
from django.db.models import Q

_CODES = [
    "sequence_conflict", "report_discrepancy", "new_epoch", "mass_silence", "preemption_loop", "copy_numbers_low",
    "poisoned_frame", "command_missed", "ordered_again", "unprotected", "close_undelivered", "close_overdue",
    "open_rejected", "under_filled", "offline_with_copies", "book_differs", "master_not_reconciled", "master_netting",
    "internal",
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0011_alerts_that_end")]

    operations = [
        migrations.RemoveConstraint("operatoralert", "alert_code_known"),
        migrations.AlterField(
            "operatoralert", "code", models.CharField(choices=[(code, code) for code in _CODES], max_length=32)
        ),
        migrations.AddConstraint(
            "operatoralert", models.CheckConstraint(condition=Q(code__in=_CODES), name="alert_code_known")
        ),
    ]
