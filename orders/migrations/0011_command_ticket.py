"""Commands that are about a second position with a copy's magic number name its ticket."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0010_expiry_of_working_orders")]

    operations = [migrations.AddField("command", "ticket", models.BigIntegerField(null=True))]
