from django.db import models

from sessions_app.models import BrokerAccount
from sessions_app.models.fields import id_field, price_field


class FollowerQuote(models.Model):
    """The market of one symbol at a follower's broker, as its terminal told it last; `at` is when it was read there."""

    id = id_field()
    account = models.ForeignKey(BrokerAccount, on_delete=models.CASCADE, related_name="quotes")
    symbol = models.CharField(max_length=64)
    bid = price_field()
    ask = price_field()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "symbol"], name="one_quote_per_symbol")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.bid}/{self.ask}"
