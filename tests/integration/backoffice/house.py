"""A tenant with a row of everything, for walks over every page; and the people who try them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from backoffice.policy import ROLES, StaffGroup
from backoffice.staff.groups import keep_groups
from eagateway import routing
from eagateway.protocol import STREAM
from sessions_app.models import Tenant
from sessions_app.services.operations import ticks
from tests import factories
from tests.factories import UserFactory


def all_parts_there() -> None:
    """A gateway, a worker and beat: what monitoring calls calm has them."""
    factories.GatewayProcessFactory.create()
    for who in (ticks.WORKER, ticks.BEAT):
        ticks.note(who)


EA_TOKENS: Final = {"own": "the tenant's own EA", "neighbour": "the neighbour's EA"}


@dataclass(slots=True)
class House:
    """One tenant and one row of each table that pages show, by `app.model`; and its EA's token."""

    tenant: Tenant
    rows: Mapping[str, Any]
    token: str

    def row(self, table: str) -> Any:
        return self.rows[table]


def build(name: str) -> House:
    """A tenant in which everything belongs together: a master, a follower, a copied trade, and what is around it."""
    tenant = factories.TenantFactory.create(name=name)
    subscription = factories.SubscriptionFactory.create(strategy__tenant=tenant, strategy__name=f"Trend of {name}")
    follower = subscription.follower
    token = f"token of {name}"
    decision = factories.DecisionFactory.create(subscription=subscription)
    command = factories.CommandFactory.create(decision=decision)
    copy = command.copy
    difference = factories.DifferenceFactory.create(copy=copy, account=follower)
    window = factories.MaintenanceWindowFactory.create(tenant=tenant)
    session = factories.EaSessionFactory.create(
        account=follower, authenticated=True, token=token, heartbeat_timeout=600
    )
    member = factories.MemberFactory.create(tenant=tenant, user__is_staff=False)
    group, _ = Group.objects.get_or_create(name=f"friends of {name}")
    made: list[Any] = [
        tenant, subscription, subscription.strategy, follower, session, session.key, decision, decision.intent, command,
        copy, difference, window, group, member.user,
        factories.AccountGrantFactory.create(account=follower),
        factories.ApprovedFingerprintFactory.create(tenant=tenant),
        factories.DifferenceEventFactory.create(difference=difference),
        factories.EnrolmentWindowFactory.create(tenant=tenant),
        factories.FillWaitFactory.create(decision__subscription=subscription),
        factories.FollowerQuoteFactory.create(account=follower),
        factories.MaintenanceNoticeFactory.create(window=window, session=session),
        member,
        factories.OauthClientFactory.create(tenant=tenant),
        factories.OperatorAlertFactory.create(account=follower),
        factories.ManagementTokenFactory.create(tenant=tenant, token=f"eagm_read of {name}"),
        factories.VaultSecretFactory.create(tenant=tenant),
        factories.VaultUseFactory.create(tenant=tenant),
        factories.InvitationFactory.create(tenant=tenant),
        factories.PersonEventFactory.create(tenant=tenant),
        factories.ReportFactory.create(command=command),
        factories.SessionEventFactory.create(session=session),
        factories.SettingChangeFactory.create(tenant=tenant),
        factories.SignInFactory.create(),
        factories.SnapshotFactory.create(account=follower),
        factories.SubscriptionEventFactory.create(subscription=subscription),
    ]  # fmt: skip
    return House(tenant, {row._meta.label_lower: row for row in made}, token)


# People --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who tries a page: what he is called, and a client that is signed in as him."""

    name: str
    client: Client
    user: User | None = None


PEOPLE: Final = (
    "anonymous",
    "a stranger",
    *(f"the tenant's {role}" for role in ROLES),
    "the neighbour's owner",
    *EA_TOKENS.values(),
    *(f"staff: {group}" for group in StaffGroup),
)


def person(name: str, own: House, neighbour: House) -> Person:
    """One of PEOPLE, with what he is in the database."""
    if name in EA_TOKENS.values():
        house = own if name == EA_TOKENS["own"] else neighbour
        return Person(name, Client(headers={"Authorization": f"Bearer {house.token}"}))
    if name == "anonymous":
        return Person(name, Client())
    user = UserFactory.create(is_staff=name.startswith("staff"))
    if name.startswith("staff"):
        keep_groups()
        user.groups.add(Group.objects.get(name=name.removeprefix("staff: ")))
    if name.startswith("the tenant's "):
        factories.MemberFactory.create(tenant=own.tenant, user=user, role=name.removeprefix("the tenant's "))
    if name == "the neighbour's owner":
        factories.MemberFactory.create(tenant=neighbour.tenant, user=user, role="owner")
    client = Client()
    client.force_login(user)
    return Person(name, client, user)


# Routes --------------------------------------------------------------------------------------------------------------


def served() -> Iterator[tuple[str, str]]:
    """Name and pattern of every route: of Django, and of what stands beside it. One without a name has its pattern."""
    yield from _django(get_resolver(), "", "")
    yield STREAM, STREAM
    for item in routing.http_urlpatterns(None)[:-1]:  # the last is Django
        yield str(item.pattern), str(item.pattern)


def _django(resolver: URLResolver, space: str, before: str) -> Iterator[tuple[str, str]]:
    for item in resolver.url_patterns:
        pattern = before + str(item.pattern)
        if isinstance(item, URLPattern):
            yield f"{space}{item.name}" if item.name else pattern, pattern
        else:
            yield from _django(item, f"{space}{item.namespace}:" if item.namespace else space, pattern)
