"""The markets of followers, kept for the settings that look at them. Inside the caller's transaction."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from orders.domain.decision.settings import LatePolicy
from orders.domain.wire.snapshots import Quote
from orders.models import FollowerQuote, Subscription
from sessions_app.models.transactions import requires_transaction


@requires_transaction
def keep(account_pk: UUID, quotes: Iterable[Quote], *, at: datetime) -> int:
    """Keep what a terminal told of its market at `at`, if a subscription of this follower looks at it; how many."""
    looks = Q(deviation_points__isnull=False) | ~Q(late_policy=LatePolicy.DENY)
    if not Subscription.objects.filter(looks, follower_id=account_pk).exists():
        return 0
    # A market that is closed is quoted as 0 by some terminals.
    told = {quote.symbol: quote for quote in quotes if quote.bid > 0 and quote.ask > 0}
    rows = [
        FollowerQuote(account_id=account_pk, symbol=symbol, bid=quote.bid, ask=quote.ask, at=at)
        for symbol, quote in sorted(told.items())
    ]
    FollowerQuote.objects.bulk_create(
        rows,
        batch_size=200,
        update_conflicts=True,
        unique_fields=["account", "symbol"],
        update_fields=["bid", "ask", "at"],
    )
    return len(rows)
