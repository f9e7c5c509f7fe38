"""What a mail about alerts says, and what no text from outside can make it say."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sessions_app.domain.alerts import AlertCode
from sessions_app.domain.letters import MOST_TOLD, Told, letter

NIGHT = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
EVIL = "no\r\nBcc: everybody@example.com\r\n\r\nCRITICAL: call 555\u202edaerht"


def told(code: AlertCode = AlertCode.UNPROTECTED, **changes: object) -> Told:
    facts = {"text": "copy 7 lacks its stop", "account": "Demo01:7001", "first_at": NIGHT, "times": 1, **changes}
    return Told(code=code, **facts)  # type: ignore[arg-type]


def test_one_alert_is_named_in_the_subject_and_told_by_the_persons_clock() -> None:
    mail = letter([told(times=3)], place="Example Capital", zone=ZoneInfo("Asia/Tokyo"), link="https://gw/t/1/alerts/")
    assert mail.subject == "[Example Capital] critical: unprotected, Demo01:7001"
    assert "since 2026-12-01 08:30:00 Asia/Tokyo, 3 times" in mail.body
    assert "Demo01:7001" in mail.body
    assert "copy 7 lacks its stop" in mail.body
    assert "https://gw/t/1/alerts/" in mail.body


def test_many_alerts_are_one_mail_the_worst_first() -> None:
    over = told(AlertCode.OFFLINE_WITH_COPIES, over_at=NIGHT)
    mail = letter([told(AlertCode.UNDER_FILLED), over, told()], place="Own", zone=ZoneInfo("UTC"), link="")
    assert mail.subject == "[Own] 2 alerts, 1 critical, 1 over, Demo01:7001"
    assert mail.body.index("CRITICAL unprotected") < mail.body.index("WARNING under filled") < mail.body.index("OVER")


def test_what_has_ended_says_so_in_the_subject() -> None:
    one = told(over_at=NIGHT)
    assert letter([one], place="Own", zone=ZoneInfo("UTC"), link="").subject == "[Own] over: unprotected, Demo01:7001"
    both = letter([one, one], place="Own", zone=ZoneInfo("UTC"), link="")
    assert both.subject == "[Own] 2 alerts are over, Demo01:7001"


def test_the_subject_names_the_account_of_the_worst_alert_and_counts_the_others() -> None:
    """Several alerts of one account name it once; an alert of the deployment has none."""
    worst = told(account="Live-2.Pro:9009")
    other, third = (told(AlertCode.UNDER_FILLED, account=name) for name in ("Demo01:7001", "Demo02:7002"))
    own = told(AlertCode.UNDER_FILLED, account="Live-2.Pro:9009")
    nobody = told(AlertCode.MAIL_GIVEN_UP, account="")

    def about(*all_told: Told) -> str:
        subject = letter(list(all_told), place="Own", zone=ZoneInfo("UTC"), link="").subject
        return subject.partition(" critical")[2] or subject

    assert about(other, worst) == ", Live-2.Pro:9009 and 1 other account"
    assert about(own, other, worst, third, other) == ", Live-2.Pro:9009 and 2 other accounts"
    assert about(own, worst) == ", Live-2.Pro:9009"
    assert about(nobody).endswith("mail given up")


def test_a_name_that_could_be_read_as_a_sentence_stands_in_the_body_alone() -> None:
    """Whoever asks for a session claims a name, of any printable characters."""
    for name in ("call 555 now:1", "Demo:1:2", "a,b:1", "http://x:1", f"{'A' * 65}:1", "Demo:1\n", "De\u0301mo:1"):
        mail = letter([told(account=name)], place="Own", zone=ZoneInfo("UTC"), link="")
        assert mail.subject == "[Own] critical: unprotected", name
        assert "Account: " in mail.body


def test_texts_from_outside_stay_on_their_line_and_out_of_the_subject() -> None:
    mail = letter([told(text=EVIL, account=EVIL, seen_as=EVIL)], place=EVIL, zone=ZoneInfo("UTC"), link="")
    assert mail.subject.splitlines() == [mail.subject]
    assert "\u202e" not in mail.subject + mail.body
    assert not any(line.startswith(("Bcc", "CRITICAL: call")) for line in mail.body.splitlines())
    assert "What: no\\u000d\\u000aBcc: everybody@example.com" in mail.body
    assert "555" not in letter([told(text=EVIL, account=EVIL)], place="Own", zone=ZoneInfo("UTC"), link="").subject


def test_a_flood_is_cut_and_counted() -> None:
    mail = letter([told()] * (MOST_TOLD + 7), place="Own", zone=ZoneInfo("UTC"), link="")
    assert mail.body.count("Meaning:") == MOST_TOLD
    assert "And 7 more" in mail.body
    assert mail.subject == f"[Own] {MOST_TOLD + 7} alerts, {MOST_TOLD + 7} critical, Demo01:7001"
