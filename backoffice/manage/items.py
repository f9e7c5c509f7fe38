"""What the management API answers: rows as their tenant's people may know them."""

from typing import Any, Final

from rest_framework import serializers

from orders.domain.decision.settings import SETTINGS
from orders.domain.provisioning.settings import written
from orders.models import Subscription
from sessions_app.rest.bodies import Moment, Plain

Item = serializers.Serializer[Any]


class TokenItem(Item):
    """The token that asks."""

    tenant_id = serializers.UUIDField()
    tenant = serializers.CharField(source="tenant.name")
    name = serializers.CharField()
    scope = serializers.CharField()
    expires_at = Moment()


CURRENCY: Final = "In what the account counts its money; empty until its EA has said it."


# Accounts ------------------------------------------------------------------------------------------------------------


class AccountItem(Item):
    """`standing`: what its terminal is doing: `connected`, `silent`, `waits for approval`, `not heard since its
    approval`, `not let in` (its account is suspended) or `offline`."""

    id = serializers.UUIDField()
    account = serializers.CharField(source="claimed_as")
    standing = serializers.CharField()
    keys = serializers.DictField(
        source="key_counts", child=serializers.IntegerField(), help_text="How many keys, by their state."
    )
    suspended_at = Moment(allow_null=True)
    balance = Plain(allow_null=True)
    equity = Plain(allow_null=True)
    currency = serializers.CharField(help_text=CURRENCY)
    funds_at = Moment(allow_null=True)
    created_at = Moment()


class KeyItem(Item):
    """A key of an account; the key itself is kept by nobody but its EA."""

    id = serializers.UUIDField()
    account_id = serializers.UUIDField()
    fingerprint = serializers.SerializerMethodField(help_text="The first digits of a keyed hash, as the desk shows it.")
    state = serializers.CharField()
    requested_at = Moment()
    requested_from = serializers.CharField(allow_blank=True)
    decided_at = Moment(allow_null=True)
    decided_as = serializers.CharField(allow_blank=True)
    decision_reason = serializers.CharField(allow_blank=True)
    retires_at = Moment(allow_null=True)

    def get_fingerprint(self, row: Any) -> str:
        return str(row.fingerprint[:12])


class SharedKey(Item):
    """A key that was approved before its EA shows it."""

    id = serializers.UUIDField()
    account_id = serializers.UUIDField()
    state = serializers.CharField()
    key = serializers.CharField(allow_null=True, help_text="The key that was made: shown this once, else null.")


# Strategies, subscriptions -------------------------------------------------------------------------------------------


class StrategyItem(Item):
    id = serializers.UUIDField()
    name = serializers.CharField()
    master_id = serializers.UUIDField()
    master = serializers.CharField(source="master.claimed_as")
    relay_copies = serializers.BooleanField()
    followers = serializers.IntegerField()
    active = serializers.IntegerField(help_text="Subscriptions that copy new trades.")
    created_at = Moment()


class SubscriptionItem(Item):
    id = serializers.UUIDField()
    strategy_id = serializers.UUIDField()
    strategy = serializers.CharField(source="strategy.name")
    follower_id = serializers.UUIDField()
    follower = serializers.CharField(source="follower.claimed_as")
    state = serializers.CharField()
    version = serializers.IntegerField(help_text="Of its settings.")
    created_at = Moment()


class SettingsItem(Item):
    """The settings in force, and which version of them."""

    version = serializers.IntegerField()
    settings = serializers.SerializerMethodField()

    def get_settings(self, row: Subscription) -> dict[str, Any]:
        return written(row.settings, SETTINGS)


class ChangeItem(Item):
    name = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class VersionItem(Item):
    """Settings as they were from one moment on."""

    number = serializers.IntegerField()
    settings = serializers.DictField()
    actor = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    at = Moment()


class PreviewItem(Item):
    """One of the master's last trades, and what it would become; `outcome` is `unknown` where it cannot be read."""

    intent_id = serializers.UUIDField()
    symbol = serializers.CharField()
    received_at = Moment()
    outcome = serializers.CharField()
    code = serializers.CharField(allow_blank=True)
    why = serializers.CharField(allow_blank=True)
    lots = Plain()


class PreviewAnswer(Item):
    items = PreviewItem(many=True)


# Trades --------------------------------------------------------------------------------------------------------------


class TradeItem(Item):
    """A position that a master opened. `outcomes`: how many followers came to which outcome."""

    id = serializers.UUIDField()
    account_id = serializers.UUIDField()
    account = serializers.CharField(source="account.claimed_as")
    action = serializers.CharField()
    position_id = serializers.IntegerField()
    ticket = serializers.IntegerField()
    symbol = serializers.CharField()
    lots = Plain(allow_null=True)
    price = Plain(allow_null=True)
    received_at = Moment()
    outcomes = serializers.DictField(child=serializers.IntegerField())


class EventOfMaster(Item):
    id = serializers.UUIDField()
    action = serializers.CharField()
    ticket = serializers.IntegerField()
    lots = Plain(allow_null=True)
    price = Plain(allow_null=True)
    received_at = Moment()


class CopyItem(Item):
    id = serializers.UUIDField()
    subscription_id = serializers.UUIDField()
    account_id = serializers.UUIDField()
    copy_no = serializers.IntegerField(allow_null=True)
    position_id = serializers.IntegerField()
    leg = serializers.IntegerField()
    state = serializers.CharField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    ticket = serializers.IntegerField(allow_null=True)
    lots_decided = Plain(allow_null=True)
    lots_open = Plain(allow_null=True)
    price_at_broker = Plain(allow_null=True)
    close_cause = serializers.CharField(allow_blank=True)
    created_at = Moment()
    closed_at = Moment(allow_null=True)


class HopItem(Item):
    name = serializers.CharField()
    milliseconds = serializers.FloatField()


class ReportItem(Item):
    id = serializers.UUIDField()
    status = serializers.CharField()
    cause = serializers.CharField(allow_blank=True)
    ticket = serializers.IntegerField(allow_null=True)
    lots = Plain(allow_null=True)
    price = Plain(allow_null=True)
    slippage_points = serializers.IntegerField(allow_null=True)
    error_code = serializers.IntegerField(allow_null=True)
    received_at = Moment()


class ToldItem(Item):
    """A command, its way, and what the broker said."""

    id = serializers.UUIDField(source="command.id")
    action = serializers.CharField(source="command.action")
    attempt = serializers.IntegerField(source="command.attempt")
    state = serializers.CharField(source="command.state")
    reason = serializers.CharField(source="command.reason", allow_blank=True)
    lots = Plain(source="command.lots", allow_null=True)
    price = Plain(source="command.price", allow_null=True)
    decided_at = Moment(source="command.decided_at")
    milliseconds = serializers.FloatField(source="whole", allow_null=True, help_text="Received to reported.")
    hops = HopItem(many=True)
    reports = ReportItem(many=True)


class OutcomeItem(Item):
    """What a trade became for one follower, and why."""

    decision_id = serializers.UUIDField(source="decision.id")
    subscription_id = serializers.UUIDField(source="decision.subscription_id")
    follower_id = serializers.UUIDField(source="decision.subscription.follower_id")
    follower = serializers.CharField(source="decision.subscription.follower.claimed_as")
    strategy = serializers.CharField(source="decision.subscription.strategy.name")
    outcome = serializers.CharField(source="decision.outcome")
    code = serializers.CharField(source="decision.code", allow_blank=True)
    sentence = serializers.CharField(allow_blank=True, help_text="What the code means.")
    sizing = serializers.CharField(allow_blank=True, help_text="How the lots came about.")
    version = serializers.IntegerField(source="decision.version", allow_null=True)
    decided_at = Moment(source="decision.decided_at")
    steps = serializers.ListField(source="decision.steps", child=serializers.DictField())
    copies = CopyItem(many=True)
    commands = ToldItem(source="told", many=True)


class TradeWhy(Item):
    """Who got a trade, how, and why not."""

    trade = TradeItem()
    events = EventOfMaster(many=True)
    followers = OutcomeItem(many=True)
    more = serializers.BooleanField(help_text="There are more followers than are shown.")


# Watching ------------------------------------------------------------------------------------------------------------


class AlertItem(Item):
    id = serializers.UUIDField()
    code = serializers.CharField()
    severity = serializers.CharField()
    account_id = serializers.UUIDField()
    account = serializers.CharField(source="account.claimed_as")
    text = serializers.CharField()
    meaning = serializers.CharField()
    times = serializers.IntegerField()
    first_at = Moment()
    at = Moment()
    acknowledged_at = Moment(allow_null=True)
    acknowledged_as = serializers.CharField(allow_blank=True)
    resolved_at = Moment(allow_null=True, help_text="It has ended by itself.")


class StandingItem(Item):
    """How an account stands today. `level`: `bad`, `warning` or `ok`."""

    account_id = serializers.UUIDField(source="account.id")
    account = serializers.CharField(source="account.claimed_as")
    strategies = serializers.ListField(child=serializers.CharField())
    standing = serializers.CharField()
    level = serializers.CharField()
    troubles = serializers.SerializerMethodField()
    open_copies = serializers.IntegerField()
    unprotected = serializers.IntegerField()
    undelivered = serializers.IntegerField()
    differences = serializers.IntegerField()
    copied = serializers.IntegerField()
    denied = serializers.IntegerField()
    failed = serializers.IntegerField()
    p95_ms = serializers.FloatField(source="p95", allow_null=True)
    equity = Plain(source="account.equity", allow_null=True)
    currency = serializers.CharField(help_text=CURRENCY)

    def get_troubles(self, row: Any) -> list[str]:
        return [words for _, words in row.troubles]


class HealthItem(Item):
    """Followers and masters, the worst first."""

    level = serializers.CharField()
    sentence = serializers.CharField()
    as_of = Moment()
    keys_waiting = serializers.IntegerField()
    differences = serializers.IntegerField()
    missing_symbols = serializers.IntegerField(
        help_text="Trades of today that a missing symbol kept from being copied."
    )
    followers = StandingItem(many=True)
    masters = StandingItem(many=True)
    more = serializers.BooleanField(help_text="There are more accounts than are shown.")


# People --------------------------------------------------------------------------------------------------------------


class MemberItem(Item):
    id = serializers.UUIDField()
    person = serializers.CharField(source="user.username")
    role = serializers.CharField()
    created_at = Moment()


class ActItem(Item):
    """Something that a person or a program did."""

    id = serializers.UUIDField()
    at = Moment()
    actor = serializers.CharField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    what = serializers.CharField()
    why = serializers.CharField(allow_blank=True)
