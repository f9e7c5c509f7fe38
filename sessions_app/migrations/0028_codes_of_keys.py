from django.db import migrations, models


class Migration(migrations.Migration):
    """What the owner of a key can tell of it. Nobody knows it of keys that are stored already."""

    dependencies = [
        ("sessions_app", "0027_preferences"),
    ]

    operations = [
        migrations.AddField(
            model_name="authkey",
            name="code",
            field=models.CharField(blank=True, db_default="", default="", max_length=8),
        ),
    ]
