from django.db import migrations


class Migration(migrations.Migration):
    """What pages call an EA's session. The database holds nothing of it."""

    dependencies = [
        ("sessions_app", "0025_hot_rows_without_foreign_keys"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="easession",
            options={
                "permissions": [("end_easession", "Can end sessions")],
                "verbose_name": "EA session",
            },
        ),
        migrations.AlterModelOptions(
            name="signin",
            options={"verbose_name": "sign-in"},
        ),
    ]
