"""A report as its row: what the EA has told, field by field."""

from orders.domain.wire.intents import Side
from orders.domain.wire.reports import ExecutionReport
from orders.models import Command, Copy, Report
from sessions_app.models.fields import new_id
from sessions_app.models.light import record
from sessions_app.services.ingest.ports import Arrival


def report_row(arrival: Arrival, report: ExecutionReport, command: Command | None, copy: Copy | None) -> Report:
    """What is stored of it, before anything is judged."""
    side = report.side
    # A second position may be on another side than the copy.
    if side is None and command is not None and command.ticket is not None:
        side = Side(command.side)
    return record(
        Report,
        id=new_id(),
        account_id=arrival.account_pk,
        session_id=arrival.session_id,
        frame_id=arrival.frame_id,
        command_id=command.id if command else None,
        copy_id=copy.id if copy else None,
        status=report.status,
        cause=report.cause or "",
        ticket=report.ticket,
        parent_ticket=report.parent_ticket,
        new_ticket=report.new_ticket,
        side=side or "",
        lots=report.lots,
        remaining_lots=report.remaining_lots,
        price=report.price,
        sl=report.sl,
        tp=report.tp,
        commission=report.commission,
        taxes=report.taxes,
        swap=report.swap,
        profit=report.profit,
        balance=report.balance,
        equity=report.equity,
        slippage_points=report.slippage_points,
        error_code=report.error_code,
        already=report.already,
        late=arrival.late,
        broker_time=report.broker_time or "",
        received_at=arrival.at,
    )
