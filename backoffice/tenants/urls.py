"""Below /t/."""

from django.urls import path

from backoffice.tenants import (
    accounts,
    acts,
    alerts,
    configuration,
    exports,
    health,
    inviting,
    membership,
    people,
    sign_in,
    strategies,
    subscribing,
    tokens,
    trades,
    vault,
)

app_name = "tenants"
_OF = "<uuid:tenant_id>/"

urlpatterns = [
    path("", sign_in.mine, name="mine"),
    path(_OF, health.page, name="health"),
    path(f"{_OF}trades/", trades.trades, name="trades"),
    path(f"{_OF}trades/<uuid:intent_id>/", trades.trade, name="trade"),
    path(f"{_OF}strategies/", strategies.strategies, name="strategies"),
    path(f"{_OF}strategies/<uuid:strategy_id>/", strategies.strategy, name="strategy"),
    path(f"{_OF}subscriptions/", strategies.subscriptions, name="subscriptions"),
    path(f"{_OF}subscriptions/new/", subscribing.subscribe, name="subscribe"),
    path(f"{_OF}subscriptions/<uuid:subscription_id>/edit/", subscribing.edit, name="edit_subscription"),
    path(f"{_OF}subscriptions/<uuid:subscription_id>/versions/", subscribing.history, name="versions"),
    path(f"{_OF}subscriptions/<uuid:subscription_id>/", strategies.subscription, name="subscription"),
    path(f"{_OF}subscriptions/<uuid:subscription_id>/pause/", acts.pause, name="pause"),
    path(f"{_OF}subscriptions/<uuid:subscription_id>/resume/", acts.resume, name="resume"),
    path(f"{_OF}accounts/", accounts.accounts, name="accounts"),
    path(f"{_OF}accounts/<uuid:account_id>/", accounts.account, name="account"),
    path(f"{_OF}mappings/", accounts.mappings, name="mappings"),
    path(f"{_OF}alerts/", alerts.alerts, name="alerts"),
    path(f"{_OF}alerts/mails/", alerts.mails, name="alert_mails"),
    path(f"{_OF}members/", people.members, name="members"),
    path(f"{_OF}members/invite/", inviting.invite, name="invite"),
    path(f"{_OF}invitations/<uuid:invitation_id>/withdraw/", inviting.withdraw, name="withdraw_invitation"),
    path(f"{_OF}members/<uuid:member_id>/role/", membership.change_role, name="change_role"),
    path(f"{_OF}members/<uuid:member_id>/remove/", membership.remove, name="remove_member"),
    path(f"{_OF}tokens/", tokens.tokens, name="tokens"),
    path(f"{_OF}tokens/new/", tokens.make, name="make_token"),
    path(f"{_OF}tokens/<uuid:token_id>/revoke/", tokens.revoke, name="revoke_token"),
    path(f"{_OF}vault/", vault.secrets, name="vault"),
    path(f"{_OF}vault/store/", vault.store, name="store_secret"),
    path(f"{_OF}vault/<uuid:secret_id>/replace/", vault.replace, name="replace_secret"),
    path(f"{_OF}vault/<uuid:secret_id>/remove/", vault.remove, name="remove_secret"),
    path(f"{_OF}configuration/", configuration.shown, name="configuration"),
    path(f"{_OF}configuration/edit/", configuration.of_tenant, name="configure_tenant"),
    path(f"{_OF}configuration/<uuid:account_id>/", configuration.of_account, name="configure_account"),
    path(f"{_OF}audit/", people.audit, name="audit"),
    path(f"{_OF}exports/", exports.exports, name="exports"),
    path(f"{_OF}exports/<slug:table>.csv", exports.export, name="export"),
]
