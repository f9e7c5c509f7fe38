import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


def take_over(apps, schema_editor):
    """Who has chosen zones for his mails so far has the latest of them for everything."""
    plans = apps.get_model("sessions_app", "MailPlan").objects.order_by("changed_at").values_list("user_id", "zone")
    latest = dict(plans)
    preference = apps.get_model("sessions_app", "Preference")
    now = timezone.now()
    preference.objects.bulk_create(
        [preference(user_id=user, zone=zone, changed_at=now) for user, zone in latest.items() if zone != "UTC"],
        batch_size=500,
    )


def give_back(apps, schema_editor):
    """Each plan gets its person's zone."""
    plans = apps.get_model("sessions_app", "MailPlan").objects
    for user, zone in apps.get_model("sessions_app", "Preference").objects.values_list("user_id", "zone"):
        plans.filter(user=user).update(zone=zone)


class Migration(migrations.Migration):
    """A person's time zone and language, in one place; the zones of his mails become one."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("sessions_app", "0026_ea_sessions_by_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="Preference",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preference",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("zone", models.CharField(default="UTC", max_length=64)),
                ("language", models.CharField(blank=True, default="", max_length=16)),
                ("changed_at", models.DateTimeField()),
            ],
        ),
        migrations.RunPython(take_over, give_back),
        migrations.RemoveField(model_name="mailplan", name="zone"),
    ]
