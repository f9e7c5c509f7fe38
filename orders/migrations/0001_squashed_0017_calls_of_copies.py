import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models

import sessions_app.models.fields


class Migration(migrations.Migration):
    """All tables as they are at the end of what it replaces: a new deployment makes them at once. Whoever has begun
    with the others goes on with them."""

    replaces = [
        ("orders", "0001_foundation"),
        ("orders", "0002_subscription_rules"),
        ("orders", "0003_lists_by_account"),
        ("orders", "0004_reconciliation"),
        ("orders", "0005_pending_books"),
        ("orders", "0006_partial_closes_of_one_ticket"),
        ("orders", "0007_exact_decimals_and_contract_size"),
        ("orders", "0008_specs_of_copies"),
        ("orders", "0009_convergence"),
        ("orders", "0010_expiry_of_working_orders"),
        ("orders", "0011_command_ticket"),
        ("orders", "0012_report_side"),
        ("orders", "0013_thin_tables"),
        ("orders", "0014_versions_of_settings"),
        ("orders", "0015_listed_failures"),
        ("orders", "0016_hot_rows_without_foreign_keys"),
        ("orders", "0017_calls_of_copies"),
    ]

    initial = True

    dependencies = [
        ("sessions_app", "0026_ea_sessions_by_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="Decision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[("copied", "copied"), ("denied", "denied"), ("noop", "noop")], max_length=32
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=40)),
                ("steps", models.JSONField()),
                ("version", models.PositiveIntegerField(null=True)),
                ("decided_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Copy",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position_id", models.BigIntegerField()),
                ("leg", models.PositiveSmallIntegerField(default=1)),
                ("copy_no", models.PositiveIntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("held", "held"),
                            ("ordered", "ordered"),
                            ("working", "working"),
                            ("open", "open"),
                            ("closed", "closed"),
                            ("failed", "failed"),
                        ],
                        max_length=32,
                    ),
                ),
                ("symbol", models.CharField(max_length=64)),
                ("side", models.CharField(choices=[("buy", "buy"), ("sell", "sell")], max_length=32)),
                (
                    "order_type",
                    models.CharField(
                        choices=[("market", "market"), ("limit", "limit"), ("stop", "stop")], max_length=32
                    ),
                ),
                ("lots_opened", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("lots_decided", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("lots_open", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("lots_filled", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("master_lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("price", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("sl", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("tp", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                (
                    "price_at_broker",
                    sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True),
                ),
                (
                    "sl_at_broker",
                    sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True),
                ),
                (
                    "tp_at_broker",
                    sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True),
                ),
                ("expiry_at_broker", models.CharField(max_length=40, null=True)),
                ("observed_at", models.DateTimeField(null=True)),
                ("next_check_at", models.DateTimeField(null=True)),
                ("wait_reason", models.CharField(blank=True, max_length=32)),
                ("unprotected_since", models.DateTimeField(null=True)),
                ("repeated_at", models.DateTimeField(null=True)),
                ("undelivered_at", models.DateTimeField(null=True)),
                ("overdue_at", models.DateTimeField(null=True)),
                ("ticket", models.BigIntegerField(null=True)),
                ("close_cause", models.CharField(blank=True, max_length=32)),
                ("reverse", models.BooleanField(default=False)),
                ("tombstoned_at", models.DateTimeField(null=True)),
                ("lifted_at", models.DateTimeField(null=True)),
                ("detached_at", models.DateTimeField(null=True)),
                ("lots_step", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("lots_min", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("digits", models.PositiveSmallIntegerField(null=True)),
                (
                    "tick_size",
                    sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True),
                ),
                ("created_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="copies",
                        to="sessions_app.brokeraccount",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "copies",
                "permissions": [("lift_tombstone_copy", "Can lift the tombstone of a copy")],
            },
        ),
        migrations.CreateModel(
            name="Difference",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("missing", "missing"),
                            ("extra", "extra"),
                            ("wrong_lots", "wrong_lots"),
                            ("wrong_side", "wrong_side"),
                            ("stops_drift", "stops_drift"),
                            ("foreign", "foreign"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[("ok", "ok"), ("minor", "minor"), ("major", "major"), ("critical", "critical")],
                        max_length=32,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("held", "held"),
                            ("repairing", "repairing"),
                            ("repaired", "repaired"),
                            ("adopted", "adopted"),
                            ("accepted", "accepted"),
                            ("refused", "refused"),
                            ("gone", "gone"),
                        ],
                        max_length=32,
                    ),
                ),
                ("subject", models.CharField(max_length=40)),
                ("symbol", models.CharField(max_length=64)),
                ("copy_no", models.PositiveIntegerField(null=True)),
                ("ticket", models.BigIntegerField(null=True)),
                ("expected", models.CharField(max_length=80)),
                ("actual", models.CharField(max_length=80)),
                ("reason", models.CharField(blank=True, max_length=40)),
                ("opened_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="differences",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "copy",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="differences",
                        to="orders.copy",
                    ),
                ),
            ],
            options={
                "permissions": [("decide_difference", "Can accept and refuse differences")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["accepted", "held", "open", "refused", "repairing"])),
                        fields=["account"],
                        name="differences_standing",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["accepted", "held", "open", "refused", "repairing"])),
                        fields=("account", "kind", "subject"),
                        name="one_standing_difference",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["missing", "extra", "wrong_lots", "wrong_side", "stops_drift", "foreign"])
                        ),
                        name="difference_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["ok", "minor", "major", "critical"])),
                        name="difference_severity_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                ["open", "held", "repairing", "repaired", "adopted", "accepted", "refused", "gone"],
                            )
                        ),
                        name="difference_state_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Command",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("leg", models.PositiveSmallIntegerField(default=1)),
                ("attempt", models.PositiveIntegerField(default=1)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("place", "place"),
                            ("activate", "activate"),
                            ("modify", "modify"),
                            ("close", "close"),
                            ("partial_close", "partial_close"),
                            ("cancel", "cancel"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("held", "held"),
                            ("queued", "queued"),
                            ("received", "received"),
                            ("working", "working"),
                            ("done", "done"),
                            ("rejected", "rejected"),
                            ("expired", "expired"),
                            ("void", "void"),
                            ("unknown", "unknown"),
                        ],
                        max_length=32,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=40)),
                ("epoch", models.UUIDField()),
                ("seq", models.BigIntegerField(null=True)),
                ("hold_no", models.BigIntegerField(null=True)),
                ("frame_id", models.UUIDField(default=uuid_utils.compat.uuid7)),
                ("position_id", models.BigIntegerField()),
                ("symbol", models.CharField(max_length=64)),
                ("side", models.CharField(choices=[("buy", "buy"), ("sell", "sell")], max_length=32)),
                (
                    "order_type",
                    models.CharField(
                        choices=[("market", "market"), ("limit", "limit"), ("stop", "stop")], max_length=32
                    ),
                ),
                ("lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("lots_before", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("lots_after", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("price", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("deviation_points", models.PositiveIntegerField(null=True)),
                ("sl", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("tp", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("expiry", models.CharField(blank=True, max_length=40)),
                ("valid_until", models.DateTimeField(null=True)),
                ("ticket", models.BigIntegerField(null=True)),
                ("error_code", models.PositiveIntegerField(null=True)),
                ("occurred_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField()),
                ("absent_from", models.DateTimeField(null=True)),
                ("committed_at", models.DateTimeField(null=True)),
                ("pushed_at", models.DateTimeField(null=True)),
                ("acked_at", models.DateTimeField(null=True)),
                ("broker_started_at", models.DateTimeField(null=True)),
                ("broker_done_at", models.DateTimeField(null=True)),
                ("reported_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="commands",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "decided_on",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sessions_app.easession",
                    ),
                ),
                (
                    "copy",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="commands",
                        to="orders.copy",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="commands",
                        to="orders.decision",
                    ),
                ),
                (
                    "difference",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="commands",
                        to="orders.difference",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "received", "unknown"])),
                        fields=["account"],
                        name="commands_unfinished",
                    ),
                    models.Index(
                        condition=models.Q(("state", "held")),
                        fields=["account", "hold_no"],
                        name="commands_held",
                    ),
                    models.Index(fields=["decided_at"], name="commands_by_time"),
                    models.Index(
                        condition=models.Q(("decided_on__isnull", False)),
                        fields=["decided_on"],
                        name="commands_decided_on",
                    ),
                    models.Index(fields=["account", "id"], name="commands_by_account"),
                    models.Index(
                        condition=models.Q(("state__in", ["rejected", "unknown"])),
                        fields=["state", "id"],
                        name="commands_failed",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "epoch", "seq"), name="one_command_per_number"),
                    models.UniqueConstraint(
                        fields=("decision", "leg", "action", "attempt"), name="one_command_per_leg_and_attempt"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("difference__isnull", False)),
                        fields=("difference", "action", "attempt"),
                        name="one_command_per_repair_and_attempt",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decision__isnull", False), ("difference__isnull", True)),
                            models.Q(("decision__isnull", True), ("difference__isnull", False)),
                            _connector="OR",
                        ),
                        name="command_has_one_cause",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "held",
                                    "queued",
                                    "received",
                                    "working",
                                    "done",
                                    "rejected",
                                    "expired",
                                    "void",
                                    "unknown",
                                ],
                            )
                        ),
                        name="command_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("seq__isnull", False), ("state__in", ["held", "expired", "void"]), _connector="OR"
                        ),
                        name="held_or_numbered",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DifferenceEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("from_state", models.CharField(blank=True, max_length=32)),
                ("to_state", models.CharField(max_length=32)),
                ("reason", models.CharField(blank=True, max_length=255)),
                ("actor", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
                (
                    "difference",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="orders.difference"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["difference", "at"], name="difference_events_by_time")],
            },
        ),
        migrations.CreateModel(
            name="FillWait",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("cancelling", "cancelling"),
                            ("filled", "filled"),
                            ("reopened", "reopened"),
                            ("denied", "denied"),
                            ("ended", "ended"),
                        ],
                        default="waiting",
                        max_length=32,
                    ),
                ),
                ("due_at", models.DateTimeField(null=True)),
                ("lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("master_lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("code", models.CharField(blank=True, max_length=40)),
                ("steps", models.JSONField(default=list)),
                ("created_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fill_waits",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "copy",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="fill_wait", to="orders.copy"
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="fill_waits", to="orders.decision"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["due_at"],
                        name="fill_waits_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["waiting", "cancelling", "filled", "reopened", "denied", "ended"])
                        ),
                        name="fill_wait_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_at__isnull", True), ("state__in", ["cancelling", "waiting"])),
                            models.Q(
                                models.Q(("state__in", ["cancelling", "waiting"]), _negated=True),
                                ("settled_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="fill_wait_open_or_settled",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "denied"), _negated=True),
                            models.Q(("code", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="denied_wait_has_a_code",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FollowerQuote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("symbol", models.CharField(max_length=64)),
                ("bid", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("ask", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="quotes",
                        to="sessions_app.brokeraccount",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "symbol"), name="one_quote_per_symbol")],
            },
        ),
        migrations.CreateModel(
            name="Intent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("frame_id", models.UUIDField()),
                ("repeated", models.BooleanField(default=False)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("place", "place"),
                            ("activate", "activate"),
                            ("modify", "modify"),
                            ("close", "close"),
                            ("partial_close", "partial_close"),
                            ("cancel", "cancel"),
                        ],
                        max_length=32,
                    ),
                ),
                ("position_id", models.BigIntegerField()),
                ("ticket", models.BigIntegerField()),
                ("symbol", models.CharField(max_length=64)),
                ("lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("remaining_lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("price", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("profit", sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True)),
                ("content", models.JSONField()),
                ("broker_time", models.CharField(blank=True, max_length=19)),
                ("occurred_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="intents",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "repeat_of",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="repeats",
                        to="orders.intent",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="intents", to="sessions_app.easession"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "position_id"], name="intents_by_position"),
                    models.Index(fields=["received_at"], name="intents_by_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("repeated", False), models.Q(("action__in", ["modify", "partial_close"]), _negated=True)
                        ),
                        fields=("account", "ticket", "action"),
                        name="one_intent_per_ticket_action",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("action", "partial_close"), ("repeated", False)),
                        fields=("account", "ticket", "remaining_lots"),
                        name="one_partial_close_per_remainder",
                    ),
                    models.UniqueConstraint(fields=("account", "frame_id"), name="one_intent_per_frame"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("action__in", ["open", "place", "activate", "modify", "close", "partial_close", "cancel"])
                        ),
                        name="intent_action_known",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="decision",
            name="intent",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="orders.intent",
            ),
        ),
        migrations.CreateModel(
            name="MasterPosition",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position_id", models.BigIntegerField()),
                ("state", models.CharField(max_length=16)),
                ("ticket", models.BigIntegerField()),
                ("lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("sl", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("tp", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("price", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("expiry", models.CharField(blank=True, max_length=40)),
                ("missing_since", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="positions",
                        to="sessions_app.brokeraccount",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "ticket"], name="positions_by_ticket")],
                "constraints": [models.UniqueConstraint(fields=("account", "position_id"), name="one_position_per_id")],
            },
        ),
        migrations.CreateModel(
            name="Report",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("frame_id", models.UUIDField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("accepted", "accepted"),
                            ("filled", "filled"),
                            ("partially_filled", "partially_filled"),
                            ("placed", "placed"),
                            ("modified", "modified"),
                            ("closed", "closed"),
                            ("cancelled", "cancelled"),
                            ("rejected", "rejected"),
                            ("expired", "expired"),
                            ("unknown", "unknown"),
                        ],
                        max_length=32,
                    ),
                ),
                ("cause", models.CharField(blank=True, max_length=32)),
                ("ticket", models.BigIntegerField(null=True)),
                ("parent_ticket", models.BigIntegerField(null=True)),
                ("new_ticket", models.BigIntegerField(null=True)),
                ("side", models.CharField(blank=True, max_length=8)),
                ("lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("remaining_lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("price", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("sl", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                ("tp", sessions_app.models.fields.ExactDecimalField(decimal_places=10, max_digits=20, null=True)),
                (
                    "commission",
                    sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True),
                ),
                ("taxes", sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True)),
                ("swap", sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True)),
                ("profit", sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True)),
                ("balance", sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True)),
                ("equity", sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True)),
                ("slippage_points", models.IntegerField(null=True)),
                ("error_code", models.PositiveIntegerField(null=True)),
                ("already", models.BooleanField(default=False)),
                ("late", models.BooleanField(default=False)),
                ("repeated", models.BooleanField(default=False)),
                ("flag", models.CharField(blank=True, max_length=40)),
                ("broker_time", models.CharField(blank=True, max_length=19)),
                ("received_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reports",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "command",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reports",
                        to="orders.command",
                    ),
                ),
                (
                    "copy",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reports",
                        to="orders.copy",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reports",
                        to="sessions_app.easession",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "received_at"], name="reports_by_account"),
                    models.Index(fields=["account", "id"], name="reports_by_id"),
                    models.Index(
                        condition=models.Q(("cause", ""), _negated=True),
                        fields=["account", "ticket", "cause"],
                        name="reports_without_command",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "frame_id"), name="one_report_per_frame"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "accepted",
                                    "filled",
                                    "partially_filled",
                                    "placed",
                                    "modified",
                                    "closed",
                                    "cancelled",
                                    "rejected",
                                    "expired",
                                    "unknown",
                                ],
                            )
                        ),
                        name="report_status_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("pending", models.BooleanField(default=False)),
                ("hash", models.CharField(blank=True, max_length=64)),
                ("content", models.JSONField()),
                ("applied_seq", models.BigIntegerField(default=0)),
                ("taken_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="snapshots",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sessions_app.easession"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "pending"), name="one_book_per_account")],
            },
        ),
        migrations.CreateModel(
            name="Strategy",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("relay_copies", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                (
                    "master",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="strategies",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="strategies", to="sessions_app.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "strategies",
                "constraints": [models.UniqueConstraint(fields=("tenant", "name"), name="one_strategy_per_name")],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("mirrored", "mirrored"),
                            ("fixed_lots", "fixed_lots"),
                            ("contract_units", "contract_units"),
                            ("balance_ratio", "balance_ratio"),
                            ("equity_ratio", "equity_ratio"),
                        ],
                        default="mirrored",
                        max_length=32,
                    ),
                ),
                ("multiplier", models.DecimalField(decimal_places=8, default=1, max_digits=15, null=True)),
                ("lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                (
                    "fixed_master_base",
                    sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True),
                ),
                (
                    "fixed_follower_base",
                    sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True),
                ),
                (
                    "contract_size",
                    models.CharField(
                        choices=[("check", "check"), ("convert", "convert"), ("ignore", "ignore")],
                        default="check",
                        max_length=32,
                    ),
                ),
                ("max_age_seconds", models.PositiveIntegerField(default=60)),
                ("max_lots", models.DecimalField(decimal_places=8, max_digits=15, null=True)),
                ("max_open_positions", models.PositiveIntegerField(null=True)),
                ("symbol_map", models.JSONField(default=dict)),
                ("prefix", models.CharField(blank=True, max_length=16)),
                ("suffix", models.CharField(blank=True, max_length=16)),
                ("filters", models.JSONField(blank=True, default=dict)),
                ("repairs", models.JSONField(default=dict)),
                ("reverse", models.BooleanField(default=False)),
                (
                    "late_policy",
                    models.CharField(
                        choices=[("deny", "deny"), ("pending_at_master_price", "pending_at_master_price")],
                        default="deny",
                        max_length=32,
                    ),
                ),
                ("late_seconds", models.PositiveIntegerField(default=3600)),
                ("deviation_points", models.PositiveIntegerField(null=True)),
                ("pending_wait_seconds", models.PositiveIntegerField(default=5)),
                (
                    "min_lots_policy",
                    models.CharField(
                        choices=[("deny", "deny"), ("force_min", "force_min")], default="deny", max_length=32
                    ),
                ),
                (
                    "max_risk_multiple",
                    models.DecimalField(decimal_places=8, default=5, max_digits=15, null=True),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "active"), ("close_only", "close_only"), ("off", "off")],
                        default="active",
                        max_length=32,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "follower",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "strategy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="subscriptions", to="orders.strategy"
                    ),
                ),
            ],
            options={
                "permissions": [("change_state_subscription", "Can pause, resume and switch off a subscription")],
                "constraints": [
                    models.UniqueConstraint(fields=("strategy", "follower"), name="one_subscription_per_follower"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["active", "close_only", "off"])),
                        name="subscription_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("mode__in", ["mirrored", "fixed_lots", "contract_units", "balance_ratio", "equity_ratio"])
                        ),
                        name="subscription_mode_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("contract_size__in", ["check", "convert", "ignore"])),
                        name="subscription_contract_size_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("late_policy__in", ["deny", "pending_at_master_price"])),
                        name="subscription_late_policy_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("min_lots_policy__in", ["deny", "force_min"])),
                        name="subscription_min_lots_policy_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("max_risk_multiple__gte", 1)),
                        name="risk_multiple_of_one_or_more",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("mode", "fixed_lots"), _negated=True),
                            ("lots__gt", 0),
                            _connector="OR",
                        ),
                        name="fixed_lots_needs_lots",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="decision",
            name="subscription",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="orders.subscription",
            ),
        ),
        migrations.AddField(
            model_name="copy",
            name="subscription",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="copies",
                to="orders.subscription",
            ),
        ),
        migrations.CreateModel(
            name="SubscriptionEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("from_state", models.CharField(blank=True, max_length=32)),
                ("to_state", models.CharField(max_length=32)),
                ("actor", models.CharField(max_length=150)),
                ("note", models.CharField(blank=True, max_length=255)),
                ("at", models.DateTimeField()),
                (
                    "copy",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="events", to="orders.copy"
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="orders.subscription"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["subscription", "at"], name="subscription_events_by_time")],
            },
        ),
        migrations.CreateModel(
            name="SubscriptionVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("settings", models.JSONField()),
                ("actor", models.CharField(max_length=150)),
                ("note", models.CharField(blank=True, max_length=255)),
                ("at", models.DateTimeField()),
                (
                    "subscription",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="orders.subscription",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("subscription", "number"), name="one_version_per_number")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["decided_at"], name="decisions_by_time"),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(
                condition=models.Q(("code__in", ["symbol_not_found", "symbol_ambiguous"])),
                fields=["decided_at"],
                name="decisions_unmapped",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(fields=("subscription", "intent"), name="one_decision_per_intent"),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ["copied", "denied", "noop"])), name="decision_outcome_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("code", ""), ("outcome", "copied")),
                    models.Q(
                        models.Q(("outcome", "copied"), _negated=True),
                        models.Q(("code", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="every_no_has_a_code",
            ),
        ),
        migrations.AddIndex(
            model_name="copy",
            index=models.Index(
                condition=models.Q(("state__in", ["held", "open", "ordered", "working"])),
                fields=["account"],
                name="copies_alive",
            ),
        ),
        migrations.AddIndex(
            model_name="copy",
            index=models.Index(fields=["account", "ticket"], name="copies_by_ticket"),
        ),
        migrations.AddIndex(
            model_name="copy",
            index=models.Index(
                condition=models.Q(("next_check_at__isnull", False)), fields=["next_check_at"], name="copies_to_look_at"
            ),
        ),
        migrations.AddConstraint(
            model_name="copy",
            constraint=models.UniqueConstraint(fields=("account", "copy_no"), name="one_copy_per_number"),
        ),
        migrations.AddConstraint(
            model_name="copy",
            constraint=models.UniqueConstraint(fields=("subscription", "position_id", "leg"), name="one_copy_per_leg"),
        ),
        migrations.AddConstraint(
            model_name="copy",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["held", "ordered", "working", "open", "closed", "failed"])),
                name="copy_state_known",
            ),
        ),
    ]
