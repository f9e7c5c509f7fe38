"""Fewer indexes on what every trade writes: see docs/performance.md."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0012_report_side"),
        ("sessions_app", "0013_thin_tables"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="command",
            name="one_command_per_repair_and_attempt",
        ),
        migrations.AlterField(
            model_name="command",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="commands",
                to="sessions_app.brokeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="command",
            name="decided_on",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="sessions_app.easession",
            ),
        ),
        migrations.AlterField(
            model_name="command",
            name="decision",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="commands",
                to="orders.decision",
            ),
        ),
        migrations.AlterField(
            model_name="command",
            name="difference",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="commands",
                to="orders.difference",
            ),
        ),
        migrations.AlterField(
            model_name="copy",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="copies",
                to="sessions_app.brokeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="copy",
            name="subscription",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="copies",
                to="orders.subscription",
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="subscription",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="orders.subscription",
            ),
        ),
        migrations.AlterField(
            model_name="intent",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="intents",
                to="sessions_app.brokeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="intent",
            name="repeat_of",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="repeats",
                to="orders.intent",
            ),
        ),
        migrations.AlterField(
            model_name="masterposition",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="positions",
                to="sessions_app.brokeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="report",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="reports",
                to="sessions_app.brokeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="report",
            name="copy",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reports",
                to="orders.copy",
            ),
        ),
        migrations.AddConstraint(
            model_name="command",
            constraint=models.UniqueConstraint(
                condition=models.Q(("difference__isnull", False)),
                fields=("difference", "action", "attempt"),
                name="one_command_per_repair_and_attempt",
            ),
        ),
        migrations.AddIndex(
            model_name="command",
            index=models.Index(
                condition=models.Q(("decided_on__isnull", False)), fields=["decided_on"], name="commands_decided_on"
            ),
        ),
    ]
