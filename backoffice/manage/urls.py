"""Below /ea-gateway/v1/manage/."""

from django.urls import path

from backoffice.manage import accounts, people, subscriptions, trades, watching

app_name = "manage"
_SUBSCRIPTION = "subscriptions/<uuid:subscription_id>"

urlpatterns = [
    path("me", watching.MeView.as_view(), name="me"),
    path("health", watching.HealthView.as_view(), name="health"),
    path("alerts", watching.AlertsView.as_view(), name="alerts"),
    path("alerts/<uuid:alert_id>/acknowledge", watching.AcknowledgeView.as_view(), name="acknowledge"),
    path("accounts", accounts.AccountsView.as_view(), name="accounts"),
    path("accounts/<uuid:account_id>", accounts.AccountView.as_view(), name="account"),
    path("accounts/<uuid:account_id>/keys", accounts.KeysView.as_view(), name="keys"),
    path("keys/<uuid:key_id>/approve", accounts.ApproveKeyView.as_view(), name="approve_key"),
    path("keys/<uuid:key_id>/reject", accounts.RejectKeyView.as_view(), name="reject_key"),
    path("keys/<uuid:key_id>/revoke", accounts.RevokeKeyView.as_view(), name="revoke_key"),
    path("strategies", subscriptions.StrategiesView.as_view(), name="strategies"),
    path("strategies/<uuid:strategy_id>", subscriptions.StrategyView.as_view(), name="strategy"),
    path("subscriptions", subscriptions.SubscriptionsView.as_view(), name="subscriptions"),
    path("subscriptions/preview", subscriptions.PreviewView.as_view(), name="preview"),
    path(_SUBSCRIPTION, subscriptions.SubscriptionView.as_view(), name="subscription"),
    path(f"{_SUBSCRIPTION}/settings", subscriptions.SettingsView.as_view(), name="settings"),
    path(f"{_SUBSCRIPTION}/preview", subscriptions.PreviewSettingsView.as_view(), name="preview_settings"),
    path(f"{_SUBSCRIPTION}/versions", subscriptions.VersionsView.as_view(), name="versions"),
    path(f"{_SUBSCRIPTION}/restore", subscriptions.RestoreView.as_view(), name="restore"),
    path(f"{_SUBSCRIPTION}/pause", subscriptions.PauseView.as_view(), name="pause"),
    path(f"{_SUBSCRIPTION}/resume", subscriptions.ResumeView.as_view(), name="resume"),
    path("trades", trades.TradesView.as_view(), name="trades"),
    path("trades/<uuid:intent_id>", trades.TradeView.as_view(), name="trade"),
    path("copies", trades.CopiesView.as_view(), name="copies"),
    path("members", people.MembersView.as_view(), name="members"),
    path("members/<uuid:member_id>", people.MemberView.as_view(), name="member"),
    path("audit", people.AuditView.as_view(), name="audit"),
]
