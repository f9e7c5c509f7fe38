from django.db import migrations, models

from sessions_app.models.fields import ExactDecimalField


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0007_exact_decimals_and_contract_size"),
    ]

    operations = [
        migrations.AddField(
            model_name="copy",
            name="lots_step",
            field=models.DecimalField(decimal_places=8, max_digits=15, null=True),
        ),
        migrations.AddField(
            model_name="copy",
            name="lots_min",
            field=models.DecimalField(decimal_places=8, max_digits=15, null=True),
        ),
        migrations.AddField(
            model_name="copy",
            name="digits",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="copy",
            name="tick_size",
            field=ExactDecimalField(decimal_places=10, max_digits=20, null=True),
        ),
    ]
