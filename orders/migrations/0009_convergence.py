"""What a copy follows and where it stands at the broker; copies of before are looked at once after the upgrade."""

from typing import Any

from django.db import migrations, models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Now

from sessions_app.models.fields import ExactDecimalField


def look_at_all(apps: Any, schema_editor: Any) -> None:
    """Fill what can be known of the copies of before, and let the living ones be looked at."""
    copies, commands = apps.get_model("orders", "Copy"), apps.get_model("orders", "Command")
    opening = commands.objects.filter(copy=OuterRef("pk"), action__in=["open", "place"], decision__isnull=False)
    told = opening.order_by("id").values("decision__intent__lots")[:1]
    copies.objects.update(master_lots=Subquery(told), price_at_broker=F("price"))
    # What was ordered last is taken for what stands there, unless the broker has refused it; a book tells otherwise.
    copies.objects.filter(state__in=["working", "open"]).update(sl_at_broker=F("sl"), tp_at_broker=F("tp"))
    moved = commands.objects.filter(copy=OuterRef("pk"), action="modify").order_by("-id").values("state")[:1]
    refused = copies.objects.annotate(moved=Subquery(moved)).filter(moved__in=["rejected", "expired", "void"])
    refused.filter(state__in=["working", "open"]).update(sl_at_broker=0, tp_at_broker=0)
    copies.objects.filter(Q(state="open") | Q(lots_open__gt=0)).update(lots_filled=F("lots_opened"))
    copies.objects.filter(state="closed").exclude(close_cause="").update(lots_filled=F("lots_opened"))
    copies.objects.filter(state__in=["ordered", "working", "open"]).update(
        next_check_at=Now(), wait_reason="on_its_way"
    )


class Migration(migrations.Migration):
    dependencies = [("orders", "0008_specs_of_copies")]

    operations = [
        migrations.AddField("copy", "lots_filled", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
        migrations.AddField("copy", "master_lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
        migrations.AddField("copy", "price_at_broker", ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
        migrations.AddField("copy", "sl_at_broker", ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
        migrations.AddField("copy", "tp_at_broker", ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
        migrations.AddField("copy", "observed_at", models.DateTimeField(null=True)),
        migrations.AddField("copy", "next_check_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "copy", "wait_reason", models.CharField(blank=True, default="", max_length=32), preserve_default=False
        ),
        migrations.AddField("copy", "unprotected_since", models.DateTimeField(null=True)),
        migrations.AddField("copy", "called_at", models.DateTimeField(null=True)),
        migrations.AlterField("command", "attempt", models.PositiveIntegerField(default=1)),
        migrations.AddField("masterposition", "missing_since", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "copy",
            models.Index(
                fields=["next_check_at"], condition=models.Q(next_check_at__isnull=False), name="copies_to_look_at"
            ),
        ),
        migrations.AddIndex("masterposition", models.Index(fields=["account", "ticket"], name="positions_by_ticket")),
        migrations.RunPython(look_at_all, migrations.RunPython.noop),
    ]
