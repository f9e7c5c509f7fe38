"""Rows of the lists, as a terminal may know them."""

from typing import Any

from rest_framework import serializers

from sessions_app.rest.bodies import Moment, Plain


class CommandBody(serializers.Serializer[Any]):
    """One command of the own account, with its way so far."""

    id = serializers.UUIDField(help_text="`command_id` of OrderCommand and ExecutionReport.")
    seq = serializers.IntegerField(allow_null=True, help_text="Null: held until the key is approved.")
    state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    action = serializers.CharField()
    copy_no = serializers.IntegerField(source="copy.copy_no", allow_null=True)
    attempt = serializers.IntegerField()
    position_id = serializers.IntegerField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    order_type = serializers.CharField()
    lots = Plain(allow_null=True)
    price = Plain(allow_null=True)
    sl = Plain(allow_null=True)
    tp = Plain(allow_null=True)
    error_code = serializers.IntegerField(allow_null=True)
    valid_until = Moment(allow_null=True)
    decided_at = Moment()
    pushed_at = Moment(allow_null=True)
    acked_at = Moment(allow_null=True)
    reported_at = Moment(allow_null=True)


class ReportBody(serializers.Serializer[Any]):
    """One stored report of the own account."""

    id = serializers.UUIDField()
    command_id = serializers.UUIDField(allow_null=True)
    status = serializers.CharField()
    cause = serializers.CharField(allow_blank=True)
    ticket = serializers.IntegerField(allow_null=True)
    parent_ticket = serializers.IntegerField(allow_null=True)
    lots = Plain(allow_null=True)
    remaining_lots = Plain(allow_null=True)
    price = Plain(allow_null=True)
    sl = Plain(allow_null=True)
    tp = Plain(allow_null=True)
    commission = Plain(allow_null=True)
    taxes = Plain(allow_null=True)
    swap = Plain(allow_null=True)
    profit = Plain(allow_null=True)
    balance = Plain(allow_null=True)
    equity = Plain(allow_null=True)
    error_code = serializers.IntegerField(allow_null=True)
    already = serializers.BooleanField()
    late = serializers.BooleanField()
    broker_time = serializers.CharField(allow_blank=True)
    received_at = Moment()
