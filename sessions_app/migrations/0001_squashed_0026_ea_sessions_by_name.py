import datetime as dt

import django.db.models.deletion
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

import sessions_app.models.fields


class Migration(migrations.Migration):
    """All tables as they are at the end of what it replaces: a new deployment makes them at once. Whoever has begun
    with the others goes on with them."""

    replaces = [
        ("sessions_app", "0001_foundation"),
        ("sessions_app", "0002_operator_alerts"),
        ("sessions_app", "0003_strategies_policies_and_grants"),
        ("sessions_app", "0004_events_by_id"),
        ("sessions_app", "0005_snapshots_and_recovery"),
        ("sessions_app", "0006_session_links"),
        ("sessions_app", "0007_liveness_and_maintenance"),
        ("sessions_app", "0008_orphaned_copy"),
        ("sessions_app", "0009_suspensions_and_retention"),
        ("sessions_app", "0010_exact_decimals"),
        ("sessions_app", "0011_alerts_that_end"),
        ("sessions_app", "0012_alert_of_repeated_opens"),
        ("sessions_app", "0013_thin_tables"),
        ("sessions_app", "0014_sign_ins"),
        ("sessions_app", "0015_replays_by_credential"),
        ("sessions_app", "0016_alert_of_a_full_disk"),
        ("sessions_app", "0017_pending_rooms"),
        ("sessions_app", "0018_second_factors_and_browser_sessions"),
        ("sessions_app", "0019_invitations"),
        ("sessions_app", "0020_vault"),
        ("sessions_app", "0021_mail_and_outbox"),
        ("sessions_app", "0022_management_tokens"),
        ("sessions_app", "0023_passkeys"),
        ("sessions_app", "0024_quarantined_frames_alone"),
        ("sessions_app", "0025_hot_rows_without_foreign_keys"),
        ("sessions_app", "0026_ea_sessions_by_name"),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        migrations.swappable_dependency(settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuthKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("fingerprint", models.CharField(max_length=64)),
                ("key_hash", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("approved", "approved"),
                            ("rejected", "rejected"),
                            ("revoked", "revoked"),
                        ],
                        default="pending",
                        max_length=32,
                    ),
                ),
                ("requested_at", models.DateTimeField()),
                ("requested_from", models.CharField(blank=True, max_length=64)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_as", models.CharField(blank=True, max_length=150)),
                ("decision_reason", models.CharField(blank=True, max_length=255)),
                ("retires_at", models.DateTimeField(null=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("decide_authkey", "Can approve and reject keys"),
                    ("revoke_authkey", "Can revoke and retire approved keys"),
                    ("share_authkey", "Can share keys beforehand"),
                ],
            },
        ),
        migrations.CreateModel(
            name="BrokerAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("account_id", models.CharField(max_length=128, unique=True)),
                ("claimed_as", models.CharField(max_length=128)),
                ("next_seq", models.BigIntegerField(default=1)),
                ("acked_seq", models.BigIntegerField(default=0)),
                ("next_copy_no", models.PositiveIntegerField(default=1)),
                ("next_hold", models.BigIntegerField(default=1)),
                ("fence", models.BigIntegerField(default=0)),
                ("epoch", models.UUIDField(default=uuid_utils.compat.uuid4)),
                ("intent_rate", models.PositiveIntegerField(default=20)),
                ("balance", sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True)),
                ("equity", sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True)),
                (
                    "free_margin",
                    sessions_app.models.fields.ExactDecimalField(decimal_places=8, max_digits=23, null=True),
                ),
                ("funds_at", models.DateTimeField(null=True)),
                ("snapshot_due_at", models.DateTimeField(null=True)),
                ("snapshot_reason", models.CharField(blank=True, max_length=32)),
                ("needs_snapshot", models.BooleanField(default=False)),
                ("suspended_at", models.DateTimeField(null=True)),
                ("overrides", models.JSONField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "permissions": [("suspend_brokeraccount", "Can suspend accounts and lift it")],
            },
        ),
        migrations.CreateModel(
            name="GatewayProcess",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("host", models.CharField(max_length=128)),
                ("pid", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                ("lease_until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Tenant",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                ("auth_methods", models.JSONField(null=True)),
                ("self_enrolment", models.BooleanField(null=True)),
                ("heartbeat_interval", models.PositiveIntegerField(null=True)),
                ("heartbeat_timeout", models.PositiveIntegerField(null=True)),
                ("repairs", models.JSONField(default=dict)),
                ("overrides", models.JSONField(null=True)),
                ("suspended_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "permissions": [("suspend_tenant", "Can suspend tenants and lift it")],
            },
        ),
        migrations.CreateModel(
            name="PendingRoom",
            fields=[
                (
                    "key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="room",
                        serialize=False,
                        to="sessions_app.authkey",
                    ),
                ),
                ("frames", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="authkey",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="keys", to="sessions_app.brokeraccount"
            ),
        ),
        migrations.CreateModel(
            name="AccountGrant",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("method", models.CharField(max_length=40)),
                ("subject", models.CharField(max_length=255)),
                (
                    "state",
                    models.CharField(
                        choices=[("granted", "granted"), ("revoked", "revoked")], default="granted", max_length=32
                    ),
                ),
                ("decided_at", models.DateTimeField()),
                ("decided_as", models.CharField(max_length=150)),
                ("decision_reason", models.CharField(blank=True, max_length=255)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to="sessions_app.brokeraccount",
                    ),
                ),
            ],
            options={
                "permissions": [("decide_accountgrant", "Can grant accounts and withdraw them")],
                "indexes": [models.Index(fields=["method", "subject"], name="grants_by_subject")],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "method", "subject"), name="one_grant_per_subject"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("subject", ""), _negated=True), models.Q(("decided_as", ""), _negated=True)
                        ),
                        name="grant_decision_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["granted", "revoked"])), name="grant_state_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BrowserSession",
            fields=[
                (
                    "session_key",
                    models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key"),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("number", models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True)),
                ("address", models.CharField(blank=True, max_length=64)),
                ("browser", models.CharField(blank=True, max_length=200)),
                ("signed_in_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="EaSession",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("auth_method", models.CharField(max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("authenticated", "authenticated"),
                            ("rejected", "rejected"),
                            ("lapsed", "lapsed"),
                            ("closed", "closed"),
                        ],
                        default="pending",
                        max_length=32,
                    ),
                ),
                ("fence", models.BigIntegerField(default=0)),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("idempotency_key", models.CharField(max_length=64, null=True)),
                ("request_digest", models.CharField(blank=True, max_length=64)),
                ("platform", models.CharField(max_length=16)),
                ("ea_version", models.CharField(blank=True, max_length=64)),
                ("environment", models.JSONField(default=dict)),
                ("remote_address", models.CharField(blank=True, max_length=64)),
                ("installation_id", models.CharField(blank=True, max_length=64)),
                ("ledger_head", models.BigIntegerField(default=0)),
                ("hello", models.JSONField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("stored_seq", models.BigIntegerField(default=0)),
                ("links", models.PositiveIntegerField(default=0)),
                ("foreign_reports", models.PositiveIntegerField(default=0)),
                ("heartbeat_interval", models.PositiveIntegerField()),
                ("heartbeat_timeout", models.PositiveIntegerField()),
                ("last_heartbeat_at", models.DateTimeField(null=True)),
                ("deadline_at", models.DateTimeField()),
                ("gateway", models.UUIDField(null=True)),
                ("silence_held_at", models.DateTimeField(null=True)),
                ("status", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                ("authenticated_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                ("close_reason", models.CharField(blank=True, max_length=32)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="sessions_app.accountgrant",
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="sessions_app.authkey",
                    ),
                ),
            ],
            options={
                "verbose_name": "EA session",
                "permissions": [("end_easession", "Can end sessions")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["authenticated", "pending"])),
                        fields=["deadline_at"],
                        name="sessions_living",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "authenticated")),
                        fields=("account",),
                        name="one_session_per_account",
                    ),
                    models.UniqueConstraint(fields=("id", "state", "fence"), name="session_state_and_fence"),
                    models.UniqueConstraint(fields=("key", "idempotency_key"), name="one_session_per_key_and_replay"),
                    models.UniqueConstraint(
                        fields=("grant", "idempotency_key"), name="one_session_per_grant_and_replay"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "authenticated", "rejected", "lapsed", "closed"])),
                        name="session_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("grant__isnull", True), ("key__isnull", False)),
                            models.Q(("grant__isnull", False), ("key__isnull", True)),
                            _connector="OR",
                        ),
                        name="session_rests_on_one_proof",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("close_reason", ""),
                                ("closed_at__isnull", True),
                                ("state__in", ["authenticated", "pending"]),
                            ),
                            models.Q(
                                models.Q(("state__in", ["authenticated", "pending"]), _negated=True),
                                (
                                    "close_reason__in",
                                    [
                                        "asked",
                                        "key_approved",
                                        "key_retires",
                                        "granted",
                                        "preempted",
                                        "heartbeat_timeout",
                                        "shutdown_by_ea",
                                        "shutdown_by_server",
                                        "key_revoked",
                                        "key_rejected",
                                        "account_suspended",
                                        "suspension_lifted",
                                        "protocol_error",
                                        "closed_by_operator",
                                        "pending_lapsed",
                                    ],
                                ),
                                ("closed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="session_end_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InboundFrame",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("frame_id", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("kind", models.CharField(max_length=64)),
                ("digest", models.BinaryField(max_length=32)),
                ("content", models.JSONField(null=True)),
                ("quarantined", models.BooleanField(default=False)),
                ("refusal", models.CharField(blank=True, max_length=32)),
                ("received_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="frames",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="frames",
                        to="sessions_app.easession",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["session", "seq"], name="frames_by_number")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("quarantined", False)),
                        fields=("account", "frame_id"),
                        name="one_frame_per_account_id",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("quarantined", True)),
                        fields=("session", "frame_id"),
                        name="one_quarantined_frame_per_id",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MaintenanceWindow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("reconnect_after_seconds", models.PositiveIntegerField()),
                ("announced_at", models.DateTimeField()),
                ("announced_as", models.CharField(max_length=150)),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("cancelled_as", models.CharField(blank=True, max_length=150)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="maintenance_windows",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="maintenance_windows",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "permissions": [("announce_maintenancewindow", "Can announce and cancel maintenance windows")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("cancelled_at__isnull", True)), fields=["ends_at"], name="maintenance_open"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="maintenance_ends_after_it_starts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("tenant__isnull", True), ("account__isnull", True), _connector="OR"),
                        name="maintenance_of_one_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("cancelled_as", ""), ("cancelled_at__isnull", True)),
                            models.Q(("cancelled_at__isnull", False), models.Q(("cancelled_as", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="maintenance_cancelled_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MaintenanceNotice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("told_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="sessions_app.easession"
                    ),
                ),
                (
                    "window",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="sessions_app.maintenancewindow",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("window", "session"), name="told_once_per_window")],
            },
        ),
        migrations.CreateModel(
            name="ManagementToken",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("digest", models.CharField(max_length=64, unique=True)),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("read", "read"),
                            ("operate", "operate"),
                            ("administer", "administer"),
                            ("own", "own"),
                        ],
                        max_length=32,
                    ),
                ),
                ("created_as", models.CharField(max_length=150)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("revoked_as", models.CharField(blank=True, max_length=150)),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="management_tokens",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "permissions": [("decide_managementtoken", "Can make and revoke management tokens")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "name"), name="one_token_per_name"),
                    models.CheckConstraint(
                        condition=models.Q(("scope__in", ["read", "operate", "administer", "own"])),
                        name="token_scope_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("revoked_as", ""), ("revoked_at__isnull", True)),
                            models.Q(("revoked_at__isnull", False), models.Q(("revoked_as", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="token_revocation_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ManagementRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("key", models.CharField(max_length=64)),
                ("digest", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("body", models.JSONField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "token",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="requests",
                        to="sessions_app.managementtoken",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="management_requests_by_time")],
                "constraints": [models.UniqueConstraint(fields=("token", "key"), name="one_request_per_token_and_key")],
            },
        ),
        migrations.CreateModel(
            name="OperatorAlert",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "code",
                    models.CharField(
                        choices=[
                            ("sequence_conflict", "sequence_conflict"),
                            ("report_discrepancy", "report_discrepancy"),
                            ("new_epoch", "new_epoch"),
                            ("mass_silence", "mass_silence"),
                            ("preemption_loop", "preemption_loop"),
                            ("copy_numbers_low", "copy_numbers_low"),
                            ("poisoned_frame", "poisoned_frame"),
                            ("command_missed", "command_missed"),
                            ("ordered_again", "ordered_again"),
                            ("unprotected", "unprotected"),
                            ("close_undelivered", "close_undelivered"),
                            ("close_overdue", "close_overdue"),
                            ("open_rejected", "open_rejected"),
                            ("under_filled", "under_filled"),
                            ("offline_with_copies", "offline_with_copies"),
                            ("book_differs", "book_differs"),
                            ("master_not_reconciled", "master_not_reconciled"),
                            ("master_netting", "master_netting"),
                            ("sign_in_locked", "sign_in_locked"),
                            ("disk_full", "disk_full"),
                            ("mail_given_up", "mail_given_up"),
                            ("internal", "internal"),
                        ],
                        max_length=32,
                    ),
                ),
                ("subject", models.CharField(blank=True, max_length=64)),
                ("text", models.CharField(max_length=500)),
                ("times", models.PositiveIntegerField(default=1)),
                ("first_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("acknowledged_as", models.CharField(blank=True, max_length=150)),
                ("resolved_at", models.DateTimeField(null=True)),
                ("spread_at", models.DateTimeField(null=True)),
                ("over_spread_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="sessions_app.brokeraccount",
                    ),
                ),
            ],
            options={
                "permissions": [("acknowledge_operatoralert", "Can acknowledge alerts")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("acknowledged_at__isnull", True), ("resolved_at__isnull", True)),
                        fields=["at"],
                        name="alerts_open",
                    ),
                    models.Index(condition=models.Q(("spread_at", None)), fields=["first_at"], name="alerts_to_spread"),
                    models.Index(
                        condition=models.Q(
                            ("over_spread_at", None), ("resolved_at__isnull", False), ("spread_at__isnull", False)
                        ),
                        fields=["resolved_at"],
                        name="alert_ends_to_spread",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "code__in",
                                [
                                    "sequence_conflict",
                                    "report_discrepancy",
                                    "new_epoch",
                                    "mass_silence",
                                    "preemption_loop",
                                    "copy_numbers_low",
                                    "poisoned_frame",
                                    "command_missed",
                                    "ordered_again",
                                    "unprotected",
                                    "close_undelivered",
                                    "close_overdue",
                                    "open_rejected",
                                    "under_filled",
                                    "offline_with_copies",
                                    "book_differs",
                                    "master_not_reconciled",
                                    "master_netting",
                                    "sign_in_locked",
                                    "disk_full",
                                    "mail_given_up",
                                    "internal",
                                ],
                            )
                        ),
                        name="alert_code_known",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("acknowledged_at__isnull", True), ("resolved_at__isnull", True)),
                        fields=("code", "subject"),
                        name="one_open_alert",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("acknowledged_as", ""), ("acknowledged_at__isnull", True)),
                            models.Q(
                                ("acknowledged_at__isnull", False), models.Q(("acknowledged_as", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="alert_acknowledgement_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OutboxMessage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(choices=[("email", "email")], max_length=32)),
                ("purpose", models.CharField(choices=[("alerts", "alerts"), ("test", "test")], max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("sending", "sending"),
                            ("sent", "sent"),
                            ("given_up", "given_up"),
                            ("dropped", "dropped"),
                        ],
                        default="waiting",
                        max_length=32,
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("tries", models.PositiveIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=255)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "waiting",
                                    "sending",
                                ],
                            )
                        ),
                        fields=["due_at"],
                        name="outbox_due",
                    ),
                    models.Index(fields=["user", "created_at"], name="outbox_by_user"),
                    models.Index(fields=["ended_at"], name="outbox_ended"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("kind__in", ["email"])), name="message_kind_known"),
                    models.CheckConstraint(
                        condition=models.Q(("purpose__in", ["alerts", "test"])), name="message_purpose_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "sending", "sent", "given_up", "dropped"])),
                        name="message_state_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("credential_id", models.BinaryField(unique=True)),
                ("credential", models.BinaryField()),
                ("counter", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("last_asked_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="passkeys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "name"), name="one_passkey_per_name")],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "digest"), name="one_recovery_code")],
            },
        ),
        migrations.CreateModel(
            name="RequestTally",
            fields=[
                ("scope", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("started_at", models.DateTimeField(db_index=True)),
                ("count", models.PositiveIntegerField()),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("count__gte", 1)), name="tally_counts")],
            },
        ),
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("key_version", models.PositiveIntegerField()),
                ("last_step", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="second_factor",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SessionEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("from_state", models.CharField(blank=True, max_length=32)),
                ("to_state", models.CharField(max_length=32)),
                ("reason", models.CharField(max_length=32)),
                ("note", models.CharField(blank=True, max_length=255)),
                ("actor", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="sessions_app.accountgrant",
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="sessions_app.authkey",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="sessions_app.easession",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "at"], name="events_by_account"),
                    models.Index(fields=["account", "id"], name="events_by_id"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("session__isnull", False),
                            ("key__isnull", False),
                            ("grant__isnull", False),
                            ("to_state__in", ["active", "suspended"]),
                            _connector="OR",
                        ),
                        name="event_has_a_subject",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SignIn",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=150)),
                ("address", models.CharField(max_length=64)),
                ("succeeded", models.BooleanField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "sign-in",
                "indexes": [
                    models.Index(
                        condition=models.Q(("succeeded", True)), fields=["name", "address"], name="sign_ins_known"
                    ),
                    models.Index(fields=["at"], name="sign_ins_by_time"),
                ],
            },
        ),
        migrations.CreateModel(
            name="SettingChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("actor", models.CharField(max_length=150)),
                ("reason", models.CharField(max_length=255)),
                ("at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sessions_app.tenant"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "at"], name="setting_changes_by_tenant")],
            },
        ),
        migrations.CreateModel(
            name="PersonEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("person", models.CharField(max_length=254)),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("second_factor_set_up", "second_factor_set_up"),
                            ("second_factor_removed", "second_factor_removed"),
                            ("second_factor_reset", "second_factor_reset"),
                            ("recovery_codes_renewed", "recovery_codes_renewed"),
                            ("recovery_code_used", "recovery_code_used"),
                            ("passkey_added", "passkey_added"),
                            ("passkey_removed", "passkey_removed"),
                            ("sessions_ended", "sessions_ended"),
                            ("password_changed", "password_changed"),
                            ("password_reset", "password_reset"),
                            ("invited", "invited"),
                            ("invitation_withdrawn", "invitation_withdrawn"),
                            ("invitation_accepted", "invitation_accepted"),
                            ("role_changed", "role_changed"),
                            ("member_removed", "member_removed"),
                            ("token_made", "token_made"),
                            ("token_revoked", "token_revoked"),
                            ("tenant_suspended", "tenant_suspended"),
                            ("tenant_suspension_lifted", "tenant_suspension_lifted"),
                        ],
                        max_length=32,
                    ),
                ),
                ("actor", models.CharField(max_length=150)),
                ("address", models.CharField(blank=True, max_length=64)),
                ("note", models.CharField(blank=True, max_length=255)),
                ("at", models.DateTimeField()),
                (
                    "tenant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["person", "at"], name="person_events_by_person"),
                    models.Index(fields=["tenant", "at"], name="person_events_by_tenant"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "act__in",
                                [
                                    "second_factor_set_up",
                                    "second_factor_removed",
                                    "second_factor_reset",
                                    "recovery_codes_renewed",
                                    "recovery_code_used",
                                    "passkey_added",
                                    "passkey_removed",
                                    "sessions_ended",
                                    "password_changed",
                                    "password_reset",
                                    "invited",
                                    "invitation_withdrawn",
                                    "invitation_accepted",
                                    "role_changed",
                                    "member_removed",
                                    "token_made",
                                    "token_revoked",
                                    "tenant_suspended",
                                    "tenant_suspension_lifted",
                                ],
                            )
                        ),
                        name="person_act_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OauthClient",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("client_id", models.CharField(max_length=100, unique=True)),
                ("created_at", models.DateTimeField()),
                ("created_as", models.CharField(max_length=150)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("revoked_as", models.CharField(blank=True, max_length=150)),
                ("revocation_reason", models.CharField(blank=True, max_length=255)),
                (
                    "application",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="oauth_clients",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "OAuth client",
                "permissions": [("decide_oauthclient", "Can register OAuth clients and revoke them")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("revoked_as", ""), ("revoked_at__isnull", True)),
                            models.Q(
                                ("application__isnull", True),
                                ("revoked_at__isnull", False),
                                models.Q(("revoked_as", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="client_revocation_whole",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "owner"),
                            ("admin", "admin"),
                            ("operator", "operator"),
                            ("viewer", "viewer"),
                        ],
                        max_length=32,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="members", to="sessions_app.tenant"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "user"), name="one_role_per_member"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["owner", "admin", "operator", "viewer"])),
                        name="member_role_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MailPlan",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("modes", models.JSONField(default=dict)),
                ("zone", models.CharField(default="UTC", max_length=64)),
                ("quiet_from", models.TimeField(null=True)),
                ("quiet_until", models.TimeField(null=True)),
                ("breaks_through", models.BooleanField(default=False)),
                ("digest_at", models.TimeField(default=dt.time(8, 0))),
                ("version", models.PositiveIntegerField(default=1)),
                ("changed_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "user"), name="one_mail_plan_per_member"),
                    models.UniqueConstraint(
                        condition=models.Q(("tenant", None)), fields=("user",), name="one_mail_plan_of_staff"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quiet_from", None), ("quiet_until", None)),
                            models.Q(("quiet_from__isnull", False), ("quiet_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="quiet_hours_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "owner"),
                            ("admin", "admin"),
                            ("operator", "operator"),
                            ("viewer", "viewer"),
                        ],
                        max_length=32,
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("invited_as", models.CharField(max_length=150)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("accepted_as", models.CharField(blank=True, max_length=150)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "ended_at"], name="invitations_by_tenant")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["owner", "admin", "operator", "viewer"])),
                        name="invitation_role_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EnrolmentWindow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("opens_at", models.DateTimeField()),
                ("closes_at", models.DateTimeField()),
                ("max_keys", models.PositiveIntegerField(null=True)),
                ("enrolled", models.PositiveIntegerField(default=0)),
                ("accounts", models.CharField(default="*", max_length=128)),
                ("addresses", models.JSONField(default=list)),
                ("adopts", models.BooleanField(default=False)),
                ("reason", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField()),
                ("created_as", models.CharField(max_length=150)),
                ("closed_at", models.DateTimeField(null=True)),
                ("closed_as", models.CharField(blank=True, max_length=150)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="enrolment_windows",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "permissions": [("decide_enrolmentwindow", "Can open and close enrolment windows")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at__isnull", True)), fields=["closes_at"], name="windows_open"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "opens_at", "accounts"), name="one_window_per_beginning"),
                    models.CheckConstraint(
                        condition=models.Q(("opens_at__lt", models.F("closes_at"))),
                        name="window_opens_before_it_closes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("max_keys__isnull", True), ("enrolled__lte", models.F("max_keys")), _connector="OR"
                        ),
                        name="window_keeps_its_number",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_as", ""), ("closed_at__isnull", True)),
                            models.Q(("closed_at__isnull", False), models.Q(("closed_as", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="window_end_whole",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="brokeraccount",
            name="tenant",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="accounts",
                to="sessions_app.tenant",
            ),
        ),
        migrations.CreateModel(
            name="ApprovedFingerprint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("fingerprint", models.CharField(max_length=64)),
                ("accounts", models.CharField(default="*", max_length=128)),
                ("reason", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField()),
                ("created_as", models.CharField(max_length=150)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("withdrawn_as", models.CharField(blank=True, max_length=150)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="approved_fingerprints",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("decide_approvedfingerprint", "Can approve fingerprints beforehand and withdraw them")
                ],
                "indexes": [models.Index(fields=["fingerprint"], name="fingerprints_approved")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("tenant", "fingerprint"),
                        name="one_approval_per_fingerprint",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("withdrawn_as", ""), ("withdrawn_at__isnull", True)),
                            models.Q(("withdrawn_at__isnull", False), models.Q(("withdrawn_as", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="fingerprint_end_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertNotice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("over", models.BooleanField(default=False)),
                ("due_at", models.DateTimeField()),
                ("said_over", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="sessions_app.operatoralert",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="sessions_app.outboxmessage",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="sessions_app.tenant",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("message", None)), fields=["due_at"], name="alert_notices_due")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("alert", "user", "over"), name="one_notice_of_an_alert")
                ],
            },
        ),
        migrations.CreateModel(
            name="TerminalProfile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("digest", models.BinaryField(max_length=32)),
                ("content", models.JSONField()),
                ("created_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="profiles",
                        to="sessions_app.brokeraccount",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="profiles",
                        to="sessions_app.easession",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("session", "digest"), name="one_profile_per_content")],
            },
        ),
        migrations.AddField(
            model_name="brokeraccount",
            name="profile",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="sessions_app.terminalprofile",
            ),
        ),
        migrations.CreateModel(
            name="VaultSecret",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("note", models.CharField(blank=True, max_length=255)),
                ("version", models.PositiveIntegerField()),
                ("sealed", models.BinaryField()),
                ("key_version", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("changed_as", models.CharField(max_length=150)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sessions_app.tenant"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("tenant", "name"), name="one_secret_per_name")],
            },
        ),
        migrations.CreateModel(
            name="VaultUse",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("version", models.PositiveIntegerField()),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("stored", "stored"),
                            ("replaced", "replaced"),
                            ("used", "used"),
                            ("removed", "removed"),
                        ],
                        max_length=32,
                    ),
                ),
                ("actor", models.CharField(max_length=150)),
                ("purpose", models.CharField(max_length=255)),
                ("at", models.DateTimeField()),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sessions_app.tenant"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["tenant", "at"], name="vault_uses_by_tenant"),
                    models.Index(fields=["tenant", "name", "at"], name="vault_uses_by_secret"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("act__in", ["stored", "replaced", "used", "removed"])),
                        name="vault_act_known",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="authkey",
            index=models.Index(
                condition=models.Q(("state", "pending")),
                fields=["requested_at"],
                name="keys_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="authkey",
            index=models.Index(
                condition=models.Q(("retires_at__isnull", False), ("state", "approved")),
                fields=["retires_at"],
                name="keys_retiring",
            ),
        ),
        migrations.AddConstraint(
            model_name="authkey",
            constraint=models.UniqueConstraint(fields=("account", "fingerprint"), name="one_request_per_key"),
        ),
        migrations.AddConstraint(
            model_name="authkey",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "approved", "rejected", "revoked"])),
                name="key_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="authkey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decided_as", ""),
                        ("decided_at__isnull", True),
                        ("state", "pending"),
                    ),
                    models.Q(
                        models.Q(("state", "pending"), _negated=True),
                        ("decided_at__isnull", False),
                        models.Q(("decided_as", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="key_decision_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="authkey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("retires_at__isnull", True),
                    (
                        "state__in",
                        [
                            "approved",
                            "revoked",
                        ],
                    ),
                    _connector="OR",
                ),
                name="only_approved_keys_retire",
            ),
        ),
        migrations.AddConstraint(
            model_name="brokeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("next_copy_no__gte", 1), ("next_seq__gte", 1)), name="account_counters"
            ),
        ),
        migrations.AddConstraint(
            model_name="brokeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("acked_seq__lt", models.F("next_seq"))), name="acked_below_next_seq"
            ),
        ),
    ]
