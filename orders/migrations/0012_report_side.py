"""Reports tell the side of their position."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0011_command_ticket")]

    operations = [
        migrations.AddField(
            "report", "side", models.CharField(blank=True, default="", max_length=8), preserve_default=False
        ),
    ]
