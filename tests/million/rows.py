"""A deployment that is not new, written by the database itself.

One trade goes through the real services, and all others are copies of it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.db import connection, transaction

from orders.models import Command, Intent, Strategy, Subscription
from sessions_app.models import AuthKey, BrokerAccount, EaSession, MaintenanceWindow, Tenant
from tests import factories
from tests.bench import volume
from tests.factories.sessions import now
from tests.integration.backoffice.house import House, build
from tests.integration.trading import Desk, subscribe

NAME: Final = "Million"
ACCOUNTS: Final = 2000
MASTERS: Final = 10
DAYS: Final = 30
OPEN: Final = 10
"""Positions of each master that are open still."""
WAITING: Final = 300
"""Keys that wait for a decision."""


def fill(commands: int) -> House:
    """So many commands of one tenant's accounts, over a month; the tenant, with a row of everything."""
    house = build(NAME)
    factories.GatewayProcessFactory.create()  # a page is served by one, whose row brings the clock
    factories.EaSessionFactory.create(account=house.row("orders.strategy").master, authenticated=True)
    # It lasts, and no session is opened while it does.
    MaintenanceWindow.objects.update(starts_at=now() - timedelta(hours=2), ends_at=now() - timedelta(hours=1))
    follower, masters = _cast(house.tenant)
    _trade(masters[0], follower)
    positions = commands // (2 * ACCOUNTS)
    volume.fill(positions, minutes=DAYS * 24 * 60 // positions)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in (*_exceptions(positions), *_beside()):
            cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    last = Intent.objects.filter(account=masters[0].account, action="open").latest("id")
    rows = {
        **house.rows,
        "orders.intent": last,
        "orders.strategy": Strategy.objects.get(master=masters[0].account),
        "orders.subscription": Subscription.objects.get(follower=follower.account, strategy__master=masters[0].account),
        "sessions_app.brokeraccount": follower.account,
        "sessions_app.easession": follower.session,
    }
    return House(house.tenant, rows, house.token)


def _cast(tenant: Tenant) -> tuple[Desk, list[Desk]]:
    """Masters and one follower of the first by the services; the other followers as rows, each of one master."""
    masters = [Desk.open(f"million:{number}", tenant=tenant).introduce() for number in range(MASTERS)]
    follower = Desk.open(f"million:{MASTERS}", tenant=tenant).introduce()
    subscribe(masters[0], follower)
    strategies = [
        Strategy.objects.get_or_create(
            tenant=tenant, master=one.account, defaults={"name": one.account.account_id, "created_at": now()}
        )[0]
        for one in masters
    ]
    names = [f"million:{number}" for number in range(MASTERS + 1, ACCOUNTS)]
    accounts = [factories.BrokerAccountFactory.build(tenant=tenant, account_id=name, claimed_as=name) for name in names]
    BrokerAccount.objects.bulk_create(accounts)
    keys = [factories.AuthKeyFactory.build(account=account, approved=True, key_hash="-") for account in accounts]
    AuthKey.objects.bulk_create(keys)
    deadline = now() + timedelta(days=1)
    EaSession.objects.bulk_create(
        factories.EaSessionFactory.build(account=key.account, key=key, authenticated=True, deadline_at=deadline)
        for key in keys
    )
    Subscription.objects.bulk_create(
        factories.SubscriptionFactory.build(strategy=strategies[number % MASTERS], follower=account)
        for number, account in enumerate(accounts)
    )
    for account in accounts[:WAITING]:
        factories.AuthKeyFactory.create(account=account, key_hash="-")
    return follower, masters


def _trade(master: Desk, follower: Desk) -> None:
    """One position opened and closed: what all of the history is copied from."""
    for step, status in (("open", "filled"), ("close", "closed")):
        if step == "open":
            master.buy(1)
        else:
            master.intend("close", 1)
        command = Command.objects.get(account=follower.account, action=step)
        follower.report(command.id, status, ticket=7, lots="0.1", price="1.1", balance="1000")
    moment = now()
    # Nothing has carried them to an EA here. The house's own command as well: it is older, and all others are copied
    # from the oldest.
    done = {"state": "done", "committed_at": moment, "pushed_at": moment, "acked_at": moment, "reported_at": moment}
    Command.objects.update(**done)


def _exceptions(positions: int) -> tuple[str, ...]:
    """What did not go well, and what is not over yet."""
    late = f"position_id > {volume.FIRST + positions - OPEN}"
    return (
        "UPDATE orders_decision SET outcome = 'denied', code = 'symbol_not_found' WHERE right(id::text, 1) = '7'",
        "UPDATE orders_command SET state = 'rejected' WHERE right(id::text, 2) = '2a'",
        # What waits is of the newest: an EA that was away for a moment, not one for a month.
        f"UPDATE orders_command SET state = 'queued', reported_at = NULL WHERE {late} AND right(id::text, 1) = 'b'",  # noqa: S608
        f"UPDATE orders_copy SET state = 'open', lots_open = lots_opened WHERE {late}",  # noqa: S608
    )


def _beside() -> tuple[str, ...]:
    """Rows of the other tables, each like one that is there."""
    each = "JOIN sessions_app_easession s ON true JOIN generate_series(1, 20) k ON true WHERE s.closed_at IS NULL"
    return (
        # Twenty former sessions of each account, and their ends.
        _copies("sessions_app_easession", each, {
            "account_id": "s.account_id", "key_id": "s.key_id", "grant_id": "s.grant_id", "state": "'closed'",
            "closed_at": _ago("k"), "close_reason": "'heartbeat_timeout'", "created_at": _ago("k + 1"),
            "token_hash": "md5(s.id::text || k)", "idempotency_key": "NULL",
        }),
        _copies("sessions_app_sessionevent", each, {
            "account_id": "s.account_id", "session_id": "s.id", "key_id": "NULL", "grant_id": "NULL", "at": _ago("k"),
        }),
        _copies("sessions_app_signin", "JOIN generate_series(1, 100000) k ON true", {"at": _ago("k / 4000.0")}),
        _copies("sessions_app_personevent", "JOIN generate_series(1, 100000) k ON true", {"at": _ago("k / 4000.0")}),
        _copies("sessions_app_vaultuse", "JOIN generate_series(1, 20000) k ON true", {"at": _ago("k / 800.0")}),
        _copies("sessions_app_operatoralert", "JOIN sessions_app_easession s ON true WHERE s.closed_at IS NULL", {
            "account_id": "s.account_id", "subject": "s.id::text", "raised_at": _ago("1"), "resolved_at": _ago("0"),
        }),
        _copies("orders_difference", "JOIN sessions_app_easession s ON true WHERE s.closed_at IS NULL", {
            "account_id": "s.account_id", "copy_id": "NULL", "subject": "left(s.id::text, 40)",
        }),
        _copies("orders_subscriptionevent", "JOIN orders_subscription s ON true JOIN generate_series(1, 10) k ON true",
                {"subscription_id": "s.id", "at": _ago("k")}),
    )  # fmt: skip


def _copies(table: str, others: str, own: Mapping[str, str]) -> str:
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    values = {
        **{name: f"t.{name}" for name in columns},
        **{name: text for name, text in own.items() if name in columns},
    }
    if "id" in columns:
        values["id"] = "gen_random_uuid()"
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values[name] for name in columns)} "  # noqa: S608
        f"FROM (SELECT * FROM {table} ORDER BY id LIMIT 1) t {others}"
    )


def _ago(days: str) -> str:
    return f"now() - ({days}) * interval '1 day'"
