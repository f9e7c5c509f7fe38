"""What all sessions of a waiting key have stored is counted on one row."""

import django.db.models.deletion
from django.db import migrations, models


def count_what_is_stored(apps, schema_editor):
    """Keys that wait when the gateway is upgraded have used a part of their room already."""
    frames = apps.get_model("sessions_app", "InboundFrame").objects.filter(quarantined=True, session__key__isnull=False)
    counts = frames.order_by().values_list("session__key").annotate(models.Count("id"))
    rooms = apps.get_model("sessions_app", "PendingRoom")
    rooms.objects.bulk_create([rooms(key_id=key, frames=count) for key, count in counts], batch_size=1000)


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0016_alert_of_a_full_disk")]

    operations = [
        migrations.CreateModel(
            name="PendingRoom",
            fields=[
                (
                    "key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="room",
                        serialize=False,
                        to="sessions_app.authkey",
                    ),
                ),
                ("frames", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.RunPython(count_what_is_stored, migrations.RunPython.noop),
    ]
