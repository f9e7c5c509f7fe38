"""The rows of a batch of reports: each table in one statement, each row once.

It only inserts and updates, so that it can be sent in one round trip.
"""

from orders.models import Command, Copy, Report
from orders.services import moves
from orders.services.reports.work import Reports
from sessions_app.models import BrokerAccount
from sessions_app.models.bulk import insert_rows, send_update
from sessions_app.models.transactions import requires_transaction

_COMMAND_FIELDS = ["state", "reason", "error_code", "absent_from", "broker_started_at", "broker_done_at", "reported_at"]
_COPY_FIELDS = [
    "state", "lots_decided", "lots_open", "lots_filled", "master_lots", "ticket", "close_cause",
    "tombstoned_at", "closed_at",
    "sl_at_broker", "tp_at_broker", "price_at_broker", "expiry_at_broker",
    "observed_at", "next_check_at", "wait_reason",
]  # fmt: skip


@requires_transaction
def write(work: Reports) -> None:
    """Write what the reports have changed, inside the caller's transaction."""
    insert_rows(Report, work.rows)
    # Those of this very batch were inserted as they stand.
    send_update(Report, [row for row in work.replaced if row not in work.rows], ["repeated"])
    _write_commands(work)
    send_update(Copy, work.touched.values(), _COPY_FIELDS)
    _write_accounts(work)


def _write_commands(work: Reports) -> None:
    """Each command once: what the reports have moved and what was acknowledged with them."""
    timed: list[Command] = []
    others: list[Command] = []
    for pk in work.moved.keys() | work.received.keys():
        (timed if work.received.get(pk) else others).append(work.commands[pk])
    send_update(Command, timed, [*_COMMAND_FIELDS, *moves.TIME_LINE])
    send_update(Command, others, _COMMAND_FIELDS)


def _write_accounts(work: Reports) -> None:
    """Each account once: its funds, and how far its EA has acknowledged."""
    changed = work.funded.keys() | {row.id.int for row in work.risen if row.acked_seq > row.former_seq}
    rows = [work.accounts[pk] for pk in sorted(changed)]
    send_update(BrokerAccount, rows, ["balance", "equity", "funds_at", "acked_seq"])
