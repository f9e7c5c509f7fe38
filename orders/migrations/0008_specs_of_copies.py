from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0007_convergence"),
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
            field=models.DecimalField(decimal_places=7, max_digits=15, null=True),
        ),
    ]
