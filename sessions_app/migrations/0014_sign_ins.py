"""Who signed in to the admin or tried to, and the alert of many tries."""

import uuid_utils.compat
from django.db import migrations, models
from django.db.models import Q

_CODES = [
    "sequence_conflict", "report_discrepancy", "new_epoch", "mass_silence", "preemption_loop", "copy_numbers_low",
    "poisoned_frame", "command_missed", "ordered_again", "unprotected", "close_undelivered", "close_overdue",
    "open_rejected", "under_filled", "offline_with_copies", "book_differs", "master_not_reconciled", "master_netting",
    "sign_in_locked", "internal",
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0013_thin_tables")]

    operations = [
        migrations.CreateModel(
            name="SignIn",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=150)),
                ("address", models.CharField(max_length=64)),
                ("succeeded", models.BooleanField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["name", "address"], condition=Q(succeeded=True), name="sign_ins_known"),
                    models.Index(fields=["at"], name="sign_ins_by_time"),
                ],
            },
        ),
        migrations.RemoveConstraint("operatoralert", "alert_code_known"),
        migrations.AlterField(
            "operatoralert", "code", models.CharField(choices=[(code, code) for code in _CODES], max_length=32)
        ),
        migrations.AddConstraint(
            "operatoralert", models.CheckConstraint(condition=Q(code__in=_CODES), name="alert_code_known")
        ),
    ]
