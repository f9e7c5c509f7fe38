"""What the EA does where it cannot work: it says why on the chart, and what a person should do."""

import pytest

from tests.ea.seats import KEY, Seat, until

pytestmark = pytest.mark.compiles


def test_an_address_that_is_not_listed_is_told_with_the_way_to_list_it(bare_seat: Seat) -> None:
    bare_seat.start(MQL_URLS="")
    bare_seat.shows("REFUSED - the gateway's address is not allowed")
    bare_seat.shows("Allow WebRequest for listed URL")
    assert bare_seat.url in bare_seat.terminal.hears("ALERT: EA Gateway: The gateway's address is not allowed")
    assert f"EA Gateway: no session, {4060 if bare_seat.platform == 'mt4' else 4014}" in bare_seat.said()
    assert max(map(len, bare_seat.chart())) <= 63


def test_a_gateway_that_is_away_is_tried_again_and_the_chart_says_so(bare_seat: Seat) -> None:
    bare_seat.start()
    bare_seat.shows("The gateway cannot be reached")
    until(lambda: bare_seat.said().count("EA Gateway: no session, 5201") > 1)


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"GatewayUrl": "http://gateway.example"}, "GatewayUrl must begin with https://"),
        ({"GatewayUrl": "http://127.0.0.1.example:80"}, "GatewayUrl must begin with https://"),
        ({"GatewayUrl": "https://me@gateway.example"}, "GatewayUrl must begin with https://"),
        ({"AccountKey": "short"}, "AccountKey is too short"),
        ({"MaxOpenCopies": -1}, "a limit is below 0"),
        ({"TimerMilliseconds": 10}, "TimerMilliseconds must lie between 50 and 1000"),
    ],
)
def test_wrong_inputs_are_named(inputs: dict[str, object], word: str, bare_seat: Seat) -> None:
    bare_seat.inputs = inputs
    bare_seat.start()
    assert bare_seat.terminal.wait() != 0
    bare_seat.terminal.hears(f"ALERT: EA Gateway: {word}")  # its last words may be read after its end


def test_a_second_chart_of_the_account_finds_it_served_and_takes_over_when_the_first_ends(bare_seat: Seat) -> None:
    bare_seat.start()
    bare_seat.shows("The gateway cannot be reached")
    with Seat(bare_seat.url, bare_seat.account, KEY, bare_seat.folder, platform=bare_seat.platform) as second:
        second.start()
        second.shows("This account is already served by another")
        bare_seat.kill()
        second.shows("The gateway cannot be reached")


def test_it_does_not_run_in_the_tester(bare_seat: Seat) -> None:
    bare_seat.start(MQL_TESTING="1")
    bare_seat.shows("This program does not run in the strategy tester.")
    assert "no session" not in bare_seat.said()


def test_where_no_labels_can_be_made_a_comment_says_the_same(bare_seat: Seat) -> None:
    bare_seat.start(MQL_CHART_FAILS="1")
    bare_seat.terminal.hears("COMMENT: EA Gateway 1.0 - Paper-Demo:5012345")


def test_a_disk_that_is_full_stops_everything_and_says_so(bare_seat: Seat) -> None:
    bare_seat.start(MQL_DISK_BYTES="20")
    bare_seat.shows("The journal cannot be written")
    assert "no session" not in bare_seat.said()


def test_a_key_is_made_once_and_never_shown(bare_seat: Seat) -> None:
    bare_seat.key = ""
    bare_seat.start().shows("The gateway cannot be reached")
    (file,) = (bare_seat.folder / "EAGateway").glob("*.key")
    checksum, _, key = file.read_text(encoding="ascii").partition(" ")
    assert len(checksum) == 8
    assert len(key) == 43
    bare_seat.kill()
    bare_seat.start().shows("The gateway cannot be reached")
    assert file.read_text(encoding="ascii") == f"{checksum} {key}"
    assert key not in bare_seat.said()
    assert key not in (bare_seat.folder / "EAGateway" / "Paper-Demo_5012345.log").read_text(encoding="utf-8")
