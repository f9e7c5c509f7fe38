"""The vault: secrets go in, are opened for a purpose, and their text is found nowhere else."""

import base64
import os
from typing import Any, Final

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from backoffice.policy import ROUTES
from sessions_app.domain.references import NotAReference
from sessions_app.models import Tenant, VaultSecret, VaultUse
from sessions_app.services.access import vault
from sessions_app.vault.ring import Unreadable
from tests import factories
from tests.integration.backoffice.house import House, build, served

pytestmark = [pytest.mark.django_db]

TEXT: Final = "s3cret of a broker"
CANARY: Final = "canary-7fd1e0-bird"


@pytest.fixture
def tenant() -> Tenant:
    return factories.TenantFactory.create()


def stored(tenant: Tenant, name: str = "broker-password", text: str = TEXT) -> VaultSecret:
    return vault.store(tenant=tenant, name=name, text=text, note="", by="olga", purpose="a new broker")


def acts() -> list[tuple[str, int, str, str]]:
    return list(VaultUse.objects.order_by("id").values_list("act", "version", "actor", "purpose"))


# Services -------------------------------------------------------------------------------------------------------------


def test_a_secret_is_opened_by_its_reference_for_a_purpose_that_is_written_down(tenant: Tenant) -> None:
    stored(tenant)
    text = vault.use(tenant_id=tenant.pk, reference="vault:broker-password", by="connector", purpose="log in to it")
    assert text == TEXT
    assert acts() == [("stored", 1, "olga", "a new broker"), ("used", 1, "connector", "log in to it")]


@pytest.mark.parametrize("reference", [TEXT, "broker-password", "vault:", "vault:UPPER", "vault:a b", "vault:../x"])
def test_what_is_no_reference_is_refused_and_not_shown(tenant: Tenant, reference: str) -> None:
    """It may be the secret itself, which somebody wrote where its name belongs."""
    stored(tenant)
    with pytest.raises(NotAReference) as refused:
        vault.use(tenant_id=tenant.pk, reference=reference, by="connector", purpose="log in")
    assert TEXT not in str(refused.value)


def test_a_neighbours_secret_is_none_and_nothing_opens_without_a_purpose(tenant: Tenant) -> None:
    stored(tenant)
    neighbour = factories.TenantFactory.create()
    with pytest.raises(vault.NoSecret):
        vault.use(tenant_id=neighbour.pk, reference="vault:broker-password", by="connector", purpose="log in")
    with pytest.raises(ValueError, match="purpose"):
        vault.use(tenant_id=tenant.pk, reference="vault:broker-password", by="connector", purpose=" ")
    assert len(acts()) == 1


def test_a_row_that_is_copied_to_a_neighbour_or_put_back_opens_nothing(tenant: Tenant) -> None:
    row = stored(tenant)
    neighbour = factories.TenantFactory.create()
    factories.VaultSecretFactory.create(tenant=neighbour, name=row.name, sealed=row.sealed)
    with pytest.raises(Unreadable):
        vault.use(tenant_id=neighbour.pk, reference="vault:broker-password", by="connector", purpose="log in")
    former = bytes(row.sealed)
    vault.replace(row=row, text="another", by="olga", purpose="it leaked")
    VaultSecret.objects.filter(pk=row.pk).update(sealed=former)
    with pytest.raises(Unreadable):
        vault.use(tenant_id=tenant.pk, reference="vault:broker-password", by="connector", purpose="log in")


def test_of_two_who_replace_it_at_once_the_second_is_told(tenant: Tenant) -> None:
    stored(tenant)
    first, second = VaultSecret.objects.get(), VaultSecret.objects.get()
    vault.replace(row=first, text="first", by="olga", purpose="it leaked")
    with pytest.raises(vault.Changed):
        vault.replace(row=second, text="second", by="pit", purpose="it leaked")
    with pytest.raises(vault.Changed):
        vault.remove(row=VaultSecret(pk=second.pk, version=1), by="pit", purpose="no use")
    assert vault.use(tenant_id=tenant.pk, reference="vault:broker-password", by="c", purpose="p") == "first"


def test_after_a_rotation_all_open_with_the_new_key_alone(tenant: Tenant, settings: Any, capsys: Any) -> None:
    settings.VAULT_KEYS = {1: os.urandom(32)}
    for number in range(3):
        stored(tenant, f"secret-{number}")
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, 2: os.urandom(32)}
    call_command("vault", "rotate")
    settings.VAULT_KEYS = {2: settings.VAULT_KEYS[2]}
    call_command("vault", "check")
    out = capsys.readouterr().out
    assert "secrets of tenants: 3 wrapped anew" in out
    assert "open: 3" in out
    assert set(VaultSecret.objects.values_list("key_version", flat=True)) == {2}


# Pages ----------------------------------------------------------------------------------------------------------------


def as_admin(client: Client, tenant: Tenant) -> str:
    member = factories.MemberFactory.create(tenant=tenant, role="admin", user__username="ada", user__is_staff=False)
    client.force_login(member.user)
    return f"/t/{tenant.pk}/vault/"


def test_an_admin_stores_replaces_and_removes_a_secret_and_never_sees_it(client: Client, tenant: Tenant) -> None:
    page = as_admin(client, tenant)
    sent = {"name": "broker-password", "secret": f" {TEXT} ", "note": "of the broker", "reason": "a new broker"}
    answer = client.post(f"{page}store/", sent, follow=True)
    assert "vault:broker-password" in answer.content.decode()
    row = VaultSecret.objects.get()
    assert vault.use(tenant_id=tenant.pk, reference="vault:broker-password", by="c", purpose="p") == f" {TEXT} "
    client.post(f"{page}{row.pk}/replace/", {"secret": "another", "reason": "it leaked"})
    assert vault.use(tenant_id=tenant.pk, reference="vault:broker-password", by="c", purpose="p") == "another"
    client.post(f"{page}{row.pk}/remove/", {"reason": "no use"})
    assert not VaultSecret.objects.exists()
    assert [(act, by) for act, _, by, _ in acts() if act != "used"] == [
        ("stored", "ada"), ("replaced", "ada"), ("removed", "ada"),
    ]  # fmt: skip
    assert "it leaked" in client.get(f"/t/{tenant.pk}/audit/").content.decode()


@pytest.mark.parametrize("wrong", [{"name": "Not A Name"}, {"name": "taken"}, {"reason": ""}, {"secret": "x" * 8193}])
def test_a_form_with_a_mistake_comes_back_without_the_secret(
    client: Client, tenant: Tenant, wrong: dict[str, str]
) -> None:
    page = as_admin(client, tenant)
    stored(tenant, "taken")
    sent = {"name": "broker", "secret": CANARY, "note": "", "reason": "a new broker", **wrong}
    answer = client.post(f"{page}store/", sent, follow=True)
    assert answer.status_code == 200
    assert 'class="error"' in answer.content.decode()
    assert sent["secret"] not in answer.content.decode()
    assert VaultSecret.objects.count() == 1


def test_without_a_key_the_pages_say_so(client: Client, tenant: Tenant, settings: Any) -> None:
    page = as_admin(client, tenant)
    settings.VAULT_KEYS = {}
    assert "VAULT_KEYS" in client.get(page).content.decode()
    sent = {"name": "broker", "secret": CANARY, "note": "", "reason": "a new broker"}
    assert "VAULT_KEYS" in client.post(f"{page}store/", sent, follow=True).content.decode()


# The canary -----------------------------------------------------------------------------------------------------------

FORMS: Final = (
    CANARY.encode(), base64.b64encode(CANARY.encode()), CANARY.encode("utf-16-le"),
    CANARY.encode().hex().encode(), CANARY.encode().hex().upper().encode(),
)  # fmt: skip


def found_in(*places: bytes | str) -> bool:
    seen = [place.encode(errors="replace") if isinstance(place, str) else place for place in places]
    return any(form in place for form in FORMS for place in seen)


def legible(value: Any) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)


def all_rows() -> str:
    """Every row of every table, as the database has it; bytes as they are."""
    texts = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608
            for row in cursor.fetchall():
                texts += [legible(one) for one in row]
    return "\n".join(texts)


def body_of(answer: Any) -> bytes:
    return b"".join(answer) if answer.streaming else bytes(answer.content)


def pages_of(house: House, client: Client) -> list[bytes]:
    """Every page that has no id in its address, or one of this house's."""
    pages = []
    for name, pattern in served():
        if "<" not in pattern and "?P" not in pattern and name in ROUTES and "oauth" not in name:
            pages.append(body_of(client.get("/" + pattern)))
        elif name.startswith("tenants:") and "secret_id" in pattern:
            pages.append(client.get(reverse(name, args=[house.tenant.pk, VaultSecret.objects.latest("id").pk])).content)
        elif name.startswith("tenants:") and pattern.count("<") == 1:
            pages.append(client.get(reverse(name, args=[house.tenant.pk])).content)
    row = VaultSecret.objects.latest("id").pk
    pages.append(client.get(f"/admin/sessions_app/vaultsecret/{row}/change/").content)
    return pages


@pytest.mark.lane("embedded")
def test_the_canary_is_found_nowhere(client: Client, capfd: Any, caplog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored, replaced, used, refused, in an error: then looked for in rows, pages, answers, logs and a backup."""
    house = build("Own")
    user = factories.UserFactory.create(is_staff=True, is_superuser=True)
    factories.MemberFactory.create(tenant=house.tenant, user=user, role="owner")
    client.force_login(user)
    base, answers = f"/t/{house.tenant.pk}/vault/", []
    new = {"name": "canary", "secret": CANARY, "note": "", "reason": "a test"}
    answers.append(client.post(f"{base}store/", new, follow=True).content)
    answers.append(client.post(f"{base}store/", new, follow=True).content)
    row = VaultSecret.objects.get(name="canary")
    answers.append(client.post(f"{base}{row.pk}/replace/", {"secret": CANARY, "reason": "again"}, follow=True).content)
    assert vault.use(tenant_id=house.tenant.pk, reference="vault:canary", by="c", purpose="p") == CANARY

    def broken(*args: Any, **options: Any) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(vault, "seal", broken)
    client.raise_request_exception = False
    failed = client.post(f"{base}{row.pk}/replace/", {"secret": CANARY, "reason": "again"})
    assert failed.status_code == 500
    monkeypatch.undo()
    rows = all_rows()
    assert "canary" in rows, "its name is there: what is looked at is the right place"
    pages = pages_of(house, client)
    assert len(pages) > 60
    assert sum(b"vault:canary" in page for page in pages) >= 1
    dump = "\n".join(connection.connection.iterdump())  # what a backup holds
    logged = "".join(capfd.readouterr()) + caplog.text
    assert "planted" in logged
    assert not found_in(rows, dump, logged, failed.content, *answers, *pages)


def test_the_search_for_the_canary_finds_it_where_it_is(tenant: Tenant) -> None:
    factories.VaultSecretFactory.create(tenant=tenant, sealed=CANARY.encode())
    assert found_in(all_rows())
