"""The named faults: what is written instead of what, and the tests of which one must fail."""

import re
from dataclasses import dataclass
from typing import Final

TERMINALS: Final = "tests/e2e/test_ea_terminals.py"
POSITION: Final = f"{TERMINALS}::test_a_position_is_opened_changed_closed_in_part_and_closed"
TIMED_OUT: Final = f"{TERMINALS}::test_an_order_that_timed_out_and_fills_late_is_one_position"
GUARD: Final = f"{TERMINALS}::test_a_guard_refuses_what_opens_and_never_what_closes"
JOURNAL: Final = "tests/ea/test_journal.py"
STORE: Final = "tests/ea/test_store.py"
DIFF: Final = "tests/ea/test_diff.py"
REFUSALS: Final = "tests/ea/test_refusals.py"
WAITING: Final = "tests/ea/test_waiting.py"
WATCHING: Final = "tests/ea/test_watching.py"
UNSEEN: Final = "tests/ea/test_unseen.py"
GATEWAYS: Final = "tests/ea/test_gateways.py"
SWITCHED: Final = "test_a_terminal_that_is_switched_to_another_account_tells_of_each_what_is_its_own"
FAULTY: Final = "tests/e2e/test_ea_faults.py"
CASES: Final = "tests/conformance/test_sdk.py"
BOOKS: Final = "tests/conformance/test_ea.py"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of core/`file`. `before` stands there once. `test`: one or more, with blanks between.

    `nightly`: its test is no part of the usual run.
    """

    name: str
    file: str
    before: str
    after: str
    test: str
    nightly: bool = False

    @property
    def tests(self) -> list[str]:
        """Each by itself."""
        return re.split(r" (?=tests/)", self.test)


FAULTS: Final = (
    Fault(
        "an order is sent before it is written down",
        "Executor.mqh",
        'if(!Here() || !m_store.Write("S",Name(entry)+" 0 "+IntegerToString(m_clock.Wall())))\n      return(false);',
        "",
        TIMED_OUT,
    ),
    Fault(
        "an unknown outcome is taken for a refusal that may be tried again",
        "Executor.mqh",
        "if(IsUnknownOutcome(error))",
        "if(IsUnknownOutcome(error) && error!=128)",
        TIMED_OUT,
    ),
    Fault(
        "nothing is looked up before an order is sent",
        "Executor.mqh",
        "if(seen==LOOK_DONE)\n     {\n      if(MayBeLate",
        "if(seen==LOOK_DONE && entry.seq<0)\n     {\n      if(MayBeLate",
        f"{TERMINALS}::test_an_order_that_the_broker_has_already_is_reported_and_not_sent",
    ),
    Fault(
        "absence is told at once",
        "Config.mqh",
        "SEARCH_MS            60000",
        "SEARCH_MS            0",
        f"{TERMINALS}::test_an_order_that_never_comes_is_told_as_not_found_when_its_minute_is_over",
    ),
    Fault(
        "a requote is a refusal",
        "Config.mqh",
        "PRICE_TRIES          3",
        "PRICE_TRIES          0",
        f"{TERMINALS}::test_a_requote_is_tried_again_and_a_refusal_is_not",
    ),
    Fault(
        "a busy broker is a refusal",
        "Config.mqh",
        "RETRY_MS             10000",
        "RETRY_MS             0",
        f"{TERMINALS}::test_a_close_that_the_broker_refuses_is_tried_until_it_is_done",
    ),
    Fault(
        "a record is not flushed",
        "Journal.mqh",
        "   FileFlush(handle);\n   int error",
        "   int error",
        f"{JOURNAL}::test_killed_at_any_byte_of_any_write_it_keeps_what_it_had_promised",
    ),
    Fault(
        "a write that failed counts as written",
        "Journal.mqh",
        "return(written==(uint)count && error==0 && FileSize(handle)==before+(ulong)count);",
        "return(written<=(uint)count || error==0 || FileSize(handle)==before);",
        f"{JOURNAL}::test_a_full_disk_promises_nothing_and_loses_nothing",
    ),
    Fault(
        "two programs may have one journal",
        "Journal.mqh",
        "FILE_BIN|FILE_READ|FILE_WRITE);",
        "FILE_BIN|FILE_READ|FILE_WRITE|FILE_SHARE_READ|FILE_SHARE_WRITE);",
        f"{REFUSALS}::test_a_second_chart_of_the_account_finds_it_served_and_takes_over_when_the_first_ends",
    ),
    Fault(
        "what waits is dropped when the journal is written anew",
        "Ledger.mqh",
        'bool over=(m_entries[k].state=="D" || m_entries[k].state=="V");\n      if(over && drop>0)',
        'bool over=(m_entries[k].state!="S");\n      if(over && drop>=-LEDGER_KEPT)',
        f"{STORE}::test_memory_and_disk_say_the_same_after_a_start_and_after_compaction",
    ),
    Fault(
        "an acknowledgement covers one frame less",
        "Outbox.mqh",
        "seq-m_first+1);",
        "seq-m_first);",
        f"{STORE}::test_what_is_acknowledged_waits_no_more_and_what_follows_it_does",
    ),
    Fault(
        "the role is forgotten when the journal is written anew",
        "Store.mqh",
        'if(role!="")\n      Put(kinds,fields,count,"K",role);',
        "",
        f"{STORE}::test_memory_and_disk_say_the_same_after_a_start_and_after_compaction",
    ),
    Fault(
        "the gateway's limits are forgotten when the journal is written anew",
        "Store.mqh",
        'if(guards!="")\n      Put(kinds,fields,count,"W",guards);',
        "",
        f"{STORE}::test_limits_that_were_told_hold_after_a_start_and_after_it_was_written_anew",
    ),
    Fault(
        "a limit that nobody knows stops nothing",
        "Guards.mqh",
        "both.unknown=told.unknown;",
        "both.unknown=false;",
        f"{STORE}::test_the_stricter_of_the_owners_limits_and_the_gateways_holds",
    ),
    Fault(
        "an owner's limit yields to the gateway's",
        "Guards.mqh",
        "both.max_lots=Least(own.max_lots,told.max_lots);",
        "both.max_lots=(told.max_lots>0) ? told.max_lots : own.max_lots;",
        f"{STORE}::test_the_stricter_of_the_owners_limits_and_the_gateways_holds",
    ),
    Fault(
        "a guard stops a close",
        "Executor.mqh",
        "if(IsOpening(entry.command.action) && !MayOpen(place,entry))",
        "if(!MayOpen(place,entry))",
        GUARD,
    ),
    Fault(
        "the largest order is not looked at",
        "Guards.mqh",
        "command.lots>guards.max_lots+LOTS_DUST",
        "command.lots>guards.max_lots+1000000",
        GUARD,
    ),
    Fault(
        "a trade that is found late is told as new",
        "Watcher.mqh",
        "   return(MathMax((long)0,age));",
        "   return(MathMin((long)0,age));",
        f"{TERMINALS}::test_a_trade_that_is_found_late_is_told_with_its_age",
    ),
    Fault(
        "an empty list is believed",
        "Watcher.mqh",
        "return(m_empty_scans>1 && now-m_empty_since>=EMPTY_MS && money);",
        "return(money || m_empty_scans>0);",
        f"{TERMINALS}::test_a_list_that_is_empty_at_the_very_first_start_is_no_baseline",
    ),
    Fault(
        "a copy is opened before the book was looked at",
        "Executor.mqh",
        "if(IsOpening(entry.command.action) && !m_store.HasBaseline())",
        "if(false)",
        "tests/e2e/test_ea_faults.py::test_a_copy_that_ends_before_the_book_was_ever_looked_at_is_told",
    ),
    Fault(
        "a stranger's trades are written down",
        "Agent.mqh",
        'return(m_inputs.role!=AsGatewaySays || m_store.role!="");',
        "return(true);",
        f"{TERMINALS}::test_an_unknown_key_waits_for_its_approval_and_tells_nothing_of_its_trades",
    ),
    Fault(
        "a follower's own trades are told",
        "Agent.mqh",
        'return(m_store.role=="master");',
        'return(m_store.role!="");',
        f"{TERMINALS}::test_a_followers_own_trades_stay_his_own",
    ),
    Fault(
        "what a command closed is told as closed by hand",
        "Executor.mqh",
        "   for(int i=0; i<ArraySize(m_ours); i++)\n      m_store.WithOurs(m_ours[i]);",
        "",
        f"{TERMINALS}::test_what_a_command_closed_is_told_once_also_after_a_restart",
    ),
    Fault(
        "the rest of a position is a position of its own",
        "Watcher.mqh",
        "row.ticket=fact.new_ticket;\n      row.position=fact.position;",
        "row.ticket=fact.new_ticket;\n      row.position=fact.new_ticket;",
        POSITION,
    ),
    Fault(
        "a comment alone proves where a position comes from",
        "Lineage.mqh",
        "if(rest.ticket<=whole.ticket || !SameOrigin(rest,whole))",
        "if(rest.ticket<=whole.ticket)",
        f"{DIFF}::test_a_comment_alone_proves_no_lineage",
    ),
    Fault(
        "a rest without its comment is a new position",
        "Lineage.mqh",
        "rest.magic!=whole.magic || MathAbs(rest.lots+part-whole.lots)>LOTS_DUST)",
        "rest.magic!=whole.magic || rest.lots+part>0)",
        f"{DIFF}::test_whatever_happens_between_two_looks_every_position_is_told_its_own_story",
    ),
    Fault(
        "what opened and closed between two looks is not told",
        "Diff.mqh",
        "ended.Knows(m_history[i].ticket) ||",
        "m_history[i].ticket>0 ||",
        f"{DIFF}::test_a_trade_that_opened_and_closed_between_two_looks_is_told_as_both",
    ),
    Fault(
        "a preempted terminal comes back",
        "Closing.mqh",
        "      case 4406:\n      case 4409:\n",
        "      case 4406:\n",
        f"{TERMINALS}::test_a_terminal_that_another_one_has_replaced_stops_says_so_and_executes_nothing_more",
    ),
    Fault(
        "a removed program keeps its token",
        "Session.mqh",
        "if(link.said_goodbye)\n      m_vault.ForgetSession();",
        "",
        f"{TERMINALS}::test_a_restart_resumes_the_session_and_a_removal_ends_it",
    ),
    Fault(
        "the token goes to whatever host is named",
        "Session.mqh",
        "if(CCalls::HostOf(url)!=CCalls::HostOf(m_url))",
        'if(CCalls::HostOf(url)=="")',
        "tests/ea/test_hosts.py",
    ),
    Fault(
        "the token goes over an open line",
        "Calls.mqh",
        'if(StringFind(host,"https://")==0)\n      return(StringLen(host)>8);',
        "return(StringLen(host)>8);",
        f"{REFUSALS}::test_wrong_inputs_are_named",
    ),
    Fault(
        "a ticket below one that is known is no news",
        "Store.mqh",
        "   highest=MathMax(highest,row.ticket);\n",
        "   highest=MathMax(highest,row.ticket);\n   ended.Raise(row.ticket);\n",
        f"{WATCHING}::test_a_copy_that_is_listed_late_and_ends_unseen_is_told_though_a_later_ticket_is_known[mt4]",
    ),
    Fault(
        "what has ended is forgotten when the journal is written anew",
        "Store.mqh",
        'Put(kinds,fields,count,"M","0"+EndedText(e));',
        "continue;",
        f"{STORE}::test_memory_and_disk_say_the_same_after_a_start_and_after_compaction",
    ),
    Fault(
        "what was told is told again after a start",
        "Store.mqh",
        "   ended.Add(ticket);\n   int kept=0;",
        "   int kept=0;",
        f"{WATCHING}::test_what_ended_unseen_below_a_known_ticket_is_told_once_by_the_program_that_comes_back[mt4]",
    ),
    Fault(
        "what was before the program is news",
        "Store.mqh",
        "      highest=MathMax(highest,number);\n      ended.Raise(number);",
        "      highest=MathMax(highest,number);",
        f"{WATCHING}::test_old_trades_that_come_to_light_are_no_news_to_a_program_that_begins_anew[mt4]",
    ),
    Fault(
        "a trade that is listed late is told as new",
        "Watcher.mqh",
        "bool late=(",
        "bool late=m_scanned<0 && (",
        f"{WATCHING}::test_a_master_tells_what_is_listed_late_as_old_as_it_is[mt4]",
    ),
    Fault(
        "money is known when a later trade is",
        "Store.mqh",
        "ended.Knows(ticket)); }",
        "ticket<=highest); }",
        f"{WATCHING}::test_money_that_came_before_a_trade_which_the_same_look_finds_is_told[mt4]",
    ),
    Fault(
        "a gateway that is back is waited for as one that is away",
        "Session.mqh",
        "if(answered && m_away)",
        "if(answered && m_away && m_attempt<0)",
        f"{WAITING}::test_a_gateway_that_is_back_is_not_waited_for_as_one_that_is_away[mt4]",
    ),
    Fault(
        "a close is told with the price of its opening",
        "Watcher.mqh",
        "fact.kind==FACT_PARTIAL) ? fact.row.close_price : fact.row.price);",
        "fact.kind==FACT_PARTIAL) ? fact.row.price : fact.row.price);",
        f"{WATCHING}::test_a_weekend_ends_nothing_and_the_gap_behind_it_is_told_once_with_its_price[mt4]",
    ),
    Fault(
        "summer time is not noticed",
        "Facts.mqh",
        "         m_offset=offset;",
        "         m_offset=(m_offset==0) ? offset : m_offset;",
        f"{WATCHING}::test_a_change_to_summer_time_changes_no_order_and_no_expiry[mt4-1]",
    ),
    Fault(
        "the last price of Friday is a time zone",
        "Facts.mqh",
        "else if(offset==m_seen)",
        "else if(offset==m_seen || !m_known)",
        f"{WATCHING}::test_a_terminal_that_starts_at_a_weekend_takes_the_last_price_for_no_time_zone[mt4]",
    ),
    Fault(
        "each event of the timer is a try",
        "Session.mqh",
        'if(stopped!="" || now<m_wait_until ||',
        'if(stopped!="" || now<0 ||',
        f"{WATCHING}::test_a_flood_of_the_timer_makes_no_more_calls_and_tells_nothing_twice[mt4]",
    ),
    Fault(
        "half a record stays where the next one is written",
        "Journal.mqh",
        "   if(good<size)\n",
        "   if(good<size && GoodBehind(bytes,good))\n",
        f"{WATCHING}::test_a_disk_that_fills_inside_a_record_keeps_none_of_it_and_the_next_start_tells_it_once[mt4]",
    ),
    Fault(
        "a look goes on in another account",
        "Watcher.mqh",
        "return(m_broker.Login()==m_login && m_broker.Server()==m_server);",
        "return(m_login>0);",
        f"{WATCHING}::{SWITCHED}",
    ),
    Fault(
        "the last look at another account dates a trade",
        "Watcher.mqh",
        "   m_scanned=-1;\n",
        "   m_scanned=(login==0) ? -1 : m_scanned;\n",
        f"{WATCHING}::{SWITCHED}",
    ),
    Fault(
        "an order goes to whatever account is logged in",
        "Executor.mqh",
        "if(!Here() || !m_store.Write(",
        "if(!m_store.Write(",
        f"{FAULTY}::test_an_account_that_is_switched_while_the_gateway_is_asked_gets_no_order_of_the_other[calls]",
        nightly=True,
    ),
    Fault(
        "an order's outcome is told though another account is logged in",
        "Executor.mqh",
        "return(m_broker.Login()==m_login && m_broker.Server()==m_server);",
        "return(m_login>0);",
        f"{FAULTY}::test_an_order_after_which_another_account_is_logged_in_is_told_when_its_own_is_back[calls]",
    ),
    Fault(
        "a broker that is slow is not announced",
        "Executor.mqh",
        "if(m_call_ms<SLOW_CALL_MS ||",
        "if(m_call_ms>=0 ||",
        f"{BOOKS}::test_case_083_an_order_at_a_slow_broker_is_announced_and_ends_no_session[socket-ea]",
    ),
    Fault(
        "a frame that comes again has another id",
        "Link.mqh",
        "text=Envelope(frame.type,frame.id,",
        "text=Envelope(frame.type,m_random.Uuid(m_clock.Wall()),",
        f"{GATEWAYS}::test_a_frame_that_comes_again_has_the_id_that_it_had",
    ),
    Fault(
        "a page of something between is the gateway's word",
        "Closing.mqh",
        "status<=499 && status!=429)\n      return(CLOSED_NETWORK);",
        "status<=499 && status!=429 && false)\n      return(CLOSED_NETWORK);",
        f"{GATEWAYS}::test_what_is_not_the_gateways_answer_stops_nothing",
    ),
    Fault(
        "a command's name may be anything",
        "Ledger.mqh",
        'return(IsWord(command.id) && command.action!=""',
        'return(command.id!="" && command.action!=""',
        f"{GATEWAYS}::test_a_command_whose_names_are_no_words_is_left_out_and_the_next_is_carried_out_once",
    ),
    Fault(
        "what was closed before anyone looked was never there",
        "Diff.mqh",
        "int first=(row.closer>0) ?",
        "int first=(row.closer<0) ?",
        f"{UNSEEN}::test_a_copy_of_which_a_hand_closes_a_part_before_the_first_look_at_it_is_told",
    ),
    Fault(
        "the end of a copy is told before its opening",
        "Watcher.mqh",
        "if(copy && ends && m_store.ledger.OpeningInDoubt(fact.row.magic))",
        "if(copy && ends && m_store.ledger.OpeningInDoubt(0))",
        f"{UNSEEN}::test_the_end_of_a_copy_is_told_when_the_doubt_about_its_opening_is_over",
    ),
    Fault(
        "a program whose key another one uses comes back",
        "Closing.mqh",
        "      case 4409:\n         return(NEXT_STOP);",
        "         return(NEXT_STOP);\n      case 4409:\n         return(NEXT_RENEW);",
        f"{CASES}::test_case_071_of_two_programs_with_one_key_the_loser_stays_away[socket-ea]",
    ),
    Fault(
        "first heartbeats come all at once",
        "Link.mqh",
        "(long)(m_random.Fraction()*m_vault.interval_seconds*1000)",
        "(long)(m_vault.interval_seconds*1000)",
        f"{CASES}::test_case_084_first_heartbeats_are_spread_over_the_interval[socket-ea]",
    ),
    Fault(
        "it leaves without a goodbye",
        "Session.mqh",
        "link.goodbye=true;",
        "link.goodbye=false;",
        f"{CASES}::test_case_100_a_goodbye_takes_half_a_second_and_both_know_the_last_numbers[socket-ea]",
    ),
    Fault(
        "a gap that is filled withdraws what was sent",
        "Ledger.mqh",
        'if(m_entries[i].state=="R" && m_entries[i].epoch==epoch && m_entries[i].seq>=from',
        'if(m_entries[i].state!="D" && m_entries[i].epoch==epoch && m_entries[i].seq>=from',
        f"{CASES}::test_case_151_an_order_that_was_sent_wins_over_its_gap_fill[socket-ea]",
    ),
    Fault(
        "a book that was not seen is told",
        "Link.mqh",
        "bool seen=BookSeen();",
        "bool seen=true;",
        f"{BOOKS}::test_case_090_a_terminal_without_a_connection_does_not_tell_a_flat_book[socket-ea]",
    ),
)
