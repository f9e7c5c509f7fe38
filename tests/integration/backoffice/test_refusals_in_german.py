"""What a German form says of a value that it does not take is German, and the same as the API says in English."""

import html as markup
import re
from typing import Any

import pytest
from django.test import Client

from tests import factories
from tests.integration.backoffice.house import House, build
from tests.integration.backoffice.test_subscribing import fields_of, page_of

pytestmark = [pytest.mark.django_db, pytest.mark.lane("embedded")]


@pytest.fixture
def house(client: Client) -> House:
    made = build("Own")
    member = factories.MemberFactory.create(tenant=made.tenant, role="admin", user__username="ada")
    factories.PreferenceFactory.create(user=member.user, language="de")
    client.force_login(member.user)
    return made


def errors(answer: Any) -> list[str]:
    html = markup.unescape(answer.content.decode())
    return [text for text in re.findall(r'<p class="error" role="alert">(.*?)</p>', html) if text]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"multiplier": "-1"}, "erwartet: eine Dezimalzahl über 0"),
        ({"multiplier": "1,5"}, "erwartet: eine Dezimalzahl wie 12.34, mit bis zu 7 Ziffern vor dem Punkt und 20"),
        ({"multiplier": "12345678"}, "erwartet: höchstens 7 Ziffern vor dem Punkt"),
        ({"max_risk_multiple": "0.5"}, "erwartet: 1 oder mehr"),
        ({"max_age_seconds": "0"}, "erwartet: eine ganze Zahl von 1 bis 86400"),
        ({"max_age_seconds": "many"}, "erwartet: eine ganze Zahl"),
        ({"lots": "", "mode": "fixed_lots"}, "fixed_lots braucht Lots über 0"),
        ({"prefix": "x" * 17}, "erwartet: höchstens 16 Zeichen ohne Steuerzeichen"),
        ({"symbol_map": "GOLD"}, "Zeile 1: erwartet werden zwei Namen"),
        ({"symbol_map": '{"GOLD": 1}'}, "erwartet: Namen von Symbolen mit 1 bis 64 Zeichen"),
        ({"repairs": "extra = forget"}, "Zeile 1: erwartet: eins von flatten, notify, repair"),
        ({"repairs": "odd = notify"}, "Zeile 1: keine Abweichung heißt 'odd': erwartet: einige von missing"),
        ({"filters": '{"odd": 1}'}, "ein Feld `odd` gibt es nicht"),
        ({"filters": '{"sides": ["up"]}'}, "sides[0]: 'up' steht nicht zur Wahl"),
        ({"filters": '{"sides": "buy"}'}, "sides: erwartet: `array`, es war `str`"),
        ({"filters": '{"hours": [{"since": "9"}]}'}, "hours[0].since: erwartet: `str` nach dem Muster"),
        ({"filters": '{"symbols_allow": [""]}'}, "symbols_allow[0]: erwartet: `str` der Länge >= 1"),
        ({"filters": '{"lots_least": "2", "lots_most": "1"}'}, "lots_least: erwartet: höchstens `lots_most`"),
        ({"filters": '{"time_zone": "Mars"}'}, "time_zone: erwartet: eine IANA-Zeitzone"),
        ({"filters": "[1]"}, "Zeile 1: erwartet: ein Filter"),
    ],
)
def test_a_setting_of_a_subscription_is_refused_in_german(
    client: Client, house: House, wrong: dict[str, str], said: str
) -> None:
    page = page_of(house)
    found = errors(client.post(page, {**fields_of(client, page), "reason": "grow", "save": "1", **wrong}, follow=True))
    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_setting_of_the_configuration_is_refused_in_german(client: Client, house: House) -> None:
    page = f"/t/{house.tenant.pk}/configuration/edit/"
    sent = {"seen": "", "reason": "trial", "heartbeat_interval": "61", "mass_close_gate": "-1"}
    assert errors(client.post(page, sent, follow=True)) == [
        "erwartet: 1 bis 60 Sekunden",
        "erwartet: 0 bis 10,000 Kopien",
    ]
