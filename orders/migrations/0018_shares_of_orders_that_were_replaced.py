"""What was opened at market in place of a cancelled order has had the order's share of the master's lots. Now the order
keeps it; those of before stay as they are, or their share would count twice."""

from typing import Any

from django.db import migrations


def keep(apps: Any, schema_editor: Any) -> None:
    """None of these orders has filled, and none is there any more."""
    waits = apps.get_model("orders", "FillWait").objects.filter(state__in=["reopened", "denied"])
    orders = apps.get_model("orders", "Copy").objects.filter(state="closed")
    orders.exclude(lots_filled__gt=0).filter(id__in=waits.values("copy_id")).update(master_lots=0)


class Migration(migrations.Migration):
    dependencies = [("orders", "0017_calls_of_copies")]

    operations = [migrations.RunPython(keep, migrations.RunPython.noop, elidable=True)]
