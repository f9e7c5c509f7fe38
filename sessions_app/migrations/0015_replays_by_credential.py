"""An Idempotency-Key is told apart by the credential that came with it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0014_sign_ins")]

    operations = [
        migrations.RemoveConstraint("easession", "one_session_per_idempotency_key"),
        migrations.AddConstraint(
            "easession",
            models.UniqueConstraint(fields=["key", "idempotency_key"], name="one_session_per_key_and_replay"),
        ),
        migrations.AddConstraint(
            "easession",
            models.UniqueConstraint(fields=["grant", "idempotency_key"], name="one_session_per_grant_and_replay"),
        ),
    ]
