"""Fewer indexes on what every frame writes: see docs/performance.md."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0012_alert_of_repeated_opens"),
    ]

    operations = [
        migrations.AlterField(
            model_name="inboundframe",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="frames",
                to="sessions_app.brokeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="inboundframe",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="frames",
                to="sessions_app.easession",
            ),
        ),
    ]
