"""Where a working order's expiry stands at the broker; of older orders nobody knows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0009_convergence")]

    operations = [
        migrations.AddField("copy", "expiry_at_broker", models.CharField(max_length=40, null=True)),
    ]
