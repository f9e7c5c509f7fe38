"""An EA's goodbye, inside the ingest batch's transaction: everything it sent before is in the batch already."""

from collections.abc import Sequence
from typing import cast

from sessions_app.domain.frames.payloads import ShutdownNotice, ShutdownPhase
from sessions_app.domain.lifecycle import Reason
from sessions_app.models import BrokerAccount
from sessions_app.models.transactions import requires_transaction
from sessions_app.services.ingest.ports import Arrival, Batch


@requires_transaction
def answer(arrivals: Sequence[Arrival], batch: Batch) -> None:
    """Answer with the last numbers of both logs (the envelope carries the EA's), and end the session after COMMIT."""
    leaving = [item for item in arrivals if cast(ShutdownNotice, item.payload).phase is ShutdownPhase.NOTICE]
    if not leaving:
        return
    accounts = BrokerAccount.objects.filter(id__in={item.account_pk for item in leaving})
    following = dict(accounts.values_list("id", "next_seq"))
    for arrival in leaving:
        last = following[arrival.account_pk] - 1
        notice = ShutdownNotice(reason=Reason.SHUTDOWN_BY_EA, phase=ShutdownPhase.ACK, last_seq=last)
        batch.replies.append((arrival, notice))
        batch.leaving.add(arrival.session_id)
