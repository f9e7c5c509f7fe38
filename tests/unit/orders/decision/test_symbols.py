"""One broker's symbol for another's."""

from collections.abc import Mapping

import pytest

from orders.domain.decision.symbols import Affixes, detect_affixes, map_symbol, plain_name
from orders.domain.states.denials import Code, Denied
from tests.unit.builders import book, spec

NONE = Affixes()


def mapped(
    symbol: str,
    *listed: str,
    master: Affixes = NONE,
    wanted: Affixes = NONE,
    explicit: Mapping[str, str] | None = None,
) -> str:
    follower = book(*(spec(name) for name in listed))
    return map_symbol(symbol, master=master, follower=follower, explicit=explicit or {}, wanted=wanted).name


def denial(symbol: str, *listed: str, wanted: Affixes = NONE, explicit: Mapping[str, str] | None = None) -> Denied:
    with pytest.raises(Denied) as caught:
        mapped(symbol, *listed, wanted=wanted, explicit=explicit)
    return caught.value


@pytest.mark.parametrize(
    ("names", "affixes"),
    [
        (["EURUSD", "GBPUSD", "US30"], NONE),
        (["eurusdi", "gbpusdi", "US30"], Affixes("", "i")),
        (["m.EURUSD", "m.XAUUSD", "EURUSD"], Affixes("m.", "")),
        (["#EURUSD.pro", "#GBPUSD.pro"], Affixes("#", ".pro")),
        (["US30", "GER40", "OIL"], NONE),
        (["EURSTX50", "USDX.r", "BTCash", "xxxUSD.m"], NONE),
        ([], NONE),
    ],
)
def test_a_brokers_affixes_are_those_of_most_of_its_pairs(names: list[str], affixes: Affixes) -> None:
    assert detect_affixes(names) == affixes


@pytest.mark.parametrize(
    ("name", "affixes", "plain"),
    [
        ("eurusd.", NONE, "EURUSD"),
        ("eurgbpi", Affixes("", "i"), "EURGBP"),
        ("xauusd@", NONE, "XAUUSD"),
        ("nq100_m", Affixes("", "_m"), "NQ100"),
        ("US30", Affixes("", "i"), "US30"),
        ("EURUSD", Affixes("", "i"), "EURUSD"),
        ("_m", Affixes("", "_m"), "_M"),
    ],
)
def test_a_plain_name_has_lost_its_brokers_affixes(name: str, affixes: Affixes, plain: str) -> None:
    assert plain_name(name, affixes) == plain


def test_the_same_name_is_taken_where_no_affix_is_wanted() -> None:
    assert mapped("EURUSD", "EURUSD", "eurusd", "EURUSDm") == "EURUSD"
    assert mapped("eurgbpi", "EURGBP", "eurgbpi") == "eurgbpi"


def test_the_masters_affixes_are_stripped_and_the_wanted_ones_put_on() -> None:
    assert mapped("eurgbpi", "EURGBP") == "EURGBP"
    assert mapped("EURUSD", "EURUSD", "EURUSD.pro", wanted=Affixes("", ".pro")) == "EURUSD.pro"
    assert mapped("eurusdi", "m.EURUSD", wanted=Affixes("m.", "")) == "m.EURUSD"
    assert mapped("nq100_m", "NQ100", master=Affixes("", "_m")) == "NQ100"


def test_a_name_is_found_in_any_case() -> None:
    assert mapped("EURUSDi", "eurusd") == "eurusd"


def test_the_explicit_map_goes_before_everything() -> None:
    assert mapped("EURUSD", "EURUSD", "EURUSDm", explicit={"EURUSD": "EURUSDm"}) == "EURUSDm"


def test_an_explicit_map_to_what_is_not_listed_is_denied() -> None:
    denied = denial("EURUSD", "EURUSD", explicit={"EURUSD": "EURUSDx"})
    assert (denied.code, denied.evidence["symbol"]) == (Code.SYMBOL_NOT_FOUND, "EURUSDx")


@pytest.mark.parametrize(
    ("symbol", "listed"),
    [
        ("XAUUSD", "GOLD"),
        ("GOLD", "XAUUSD"),
        ("DJ30", "US30"),
        ("NAS100", "USTEC"),
        ("xauusd@", "gold"),
        ("WTI", "USOIL"),
    ],
)
def test_a_synonym_stands_for_its_group(symbol: str, listed: str) -> None:
    assert mapped(symbol, listed, "EURUSD") == listed


def test_a_synonym_takes_the_wanted_affixes_too() -> None:
    assert mapped("XAUUSD", "GOLD.r", wanted=Affixes("", ".r")) == "GOLD.r"


def test_what_the_follower_has_not_is_denied_with_suggestions() -> None:
    denied = denial("EURUSD", "EURUSDm", "GBPUSDm")
    assert (denied.code, denied.evidence["suggestions"]) == (Code.SYMBOL_NOT_FOUND, ["EURUSDm"])


def test_a_missing_affix_is_no_reason_to_take_another_symbol() -> None:
    assert denial("EURUSD", "EURUSD", wanted=Affixes("", ".pro")).code is Code.SYMBOL_NOT_FOUND


def test_several_that_fit_are_never_guessed_between() -> None:
    denied = denial("xauusd@", "XAUUSD", "GOLD")
    assert (denied.code, denied.evidence["suggestions"]) == (Code.SYMBOL_AMBIGUOUS, ["GOLD", "XAUUSD"])
    assert denial("EURUSDi", "Eurusd", "eurUSD").code is Code.SYMBOL_AMBIGUOUS


def test_a_terminal_without_symbols_has_no_symbol() -> None:
    assert denial("EURUSD", explicit={"EURUSD": "x"}).evidence["suggestions"] == []


# Names of indices and metals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "listed"),
    [
        ("US30.cash", "US30"),
        ("US30", "US30.cash"),
        ("us30.CASH", "DJ30"),
        ("US100.cash", "NAS100"),
        ("US100.cash", "USTEC.c"),
        ("GER40.cash", "GER40"),
        ("GER40", "DE40.c"),
        ("DAX40", "GER30.m"),
        ("US500.cash", "SPX500"),
        ("SPX500", "usa500"),
        ("US500Cash", "US500"),
        ("XAUUSD", "GOLD.r"),
        ("GOLD", "XAUUSD.m"),
        ("SILVER", "XAGUSD"),
        ("XTIUSD", "USOIL.cash"),
        ("XBRUSD", "UKOIL"),
        ("EU50", "STOXX50.c"),
        ("JPN225", "JP225"),
        ("AUS200.cash", "AUS200"),
        ("HK50", "HK50.cash"),
        ("FRA40", "FRA40.c"),
        ("UK100", "UK100.cash"),
        ("NATGAS", "NATGAS.c"),
        ("#US30", "US30"),
    ],
)
def test_an_index_or_a_metal_is_found_with_an_ending_on_either_side(symbol: str, listed: str) -> None:
    assert mapped(symbol, listed, "EURUSD", "USDJPY") == listed


def test_an_ending_of_a_pair_or_a_share_may_mark_another_market() -> None:
    assert denial("EURUSD", "EURUSD.m").evidence["suggestions"] == ["EURUSD.m"]
    assert denial("AAPL", "AAPL.c").evidence["suggestions"] == ["AAPL.c"]
    assert denial("US30", "US30.f").evidence["suggestions"] == ["US30.f"]


def test_whoever_wants_an_affix_gets_that_one() -> None:
    assert denial("US30.cash", "US30", wanted=Affixes("", ".pro")).evidence["suggestions"] == ["US30"]


def test_two_names_of_one_index_are_never_guessed_between() -> None:
    denied = denial("US30.cash", "US30.c", "DJ30")
    assert (denied.code, denied.evidence["suggestions"]) == (Code.SYMBOL_AMBIGUOUS, ["DJ30", "US30.c"])


@pytest.mark.parametrize(
    ("symbol", "listed"),
    [
        ("US30.idx", "US30"),
        ("GOLD.fut", "XAUUSDx"),
        ("EURUSD.vip", "EURUSDm"),
        ("CL-OIL", "OIL"),
        ("GER40", "GER40_Z6"),
    ],
)
def test_a_listed_name_of_the_same_root_is_suggested(symbol: str, listed: str) -> None:
    assert listed in denial(symbol, listed, "USDJPY").evidence["suggestions"]


def test_an_explicit_map_to_what_is_not_listed_suggests_what_is_near() -> None:
    assert denial("US30", "US30m", explicit={"US30": "US30.x"}).evidence["suggestions"] == ["US30m"]


def test_what_has_nothing_in_common_is_not_suggested() -> None:
    assert denial("US30.cash", "EURUSD", "GBPUSD").evidence["suggestions"] == []


def suggested(symbol: str, *listed: str) -> list[str]:
    found: list[str] = denial(symbol, *listed).evidence["suggestions"]
    return found


def test_a_name_of_two_letters_is_no_root() -> None:
    assert suggested("AB.x", "XABY") == []
    assert suggested("ABC.x", "XABCY") == ["XABCY"]


def test_a_listed_name_is_suggested_in_which_ours_stands_and_the_reverse() -> None:
    assert suggested("NIKKEI225", "NIKKEI") == ["NIKKEI"]
    assert suggested("NIKKEI", "JPNIKKEI225") == ["JPNIKKEI225"]
    assert suggested("NIKKEI225", "NI") == []


def test_the_nearest_names_are_suggested_first_and_never_too_many() -> None:
    near = suggested("CORN.x", *(f"ACORN{number}" for number in range(9)), "CORN", "CORN.c")
    assert near[:2] == ["CORN", "CORN.c"]
    assert len(near) == 5
    assert near[2:] == ["ACORN0", "ACORN1", "ACORN2"]
