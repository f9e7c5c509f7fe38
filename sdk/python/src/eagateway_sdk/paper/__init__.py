"""Paper trading: recordings, a broker's book, and terminals that execute on it. For demos, tests and dry runs."""

from eagateway_sdk.paper.broker import (
    Amounts,
    Book,
    Booking,
    BrokerError,
    ClosedTrade,
    Executed,
    Position,
    WorkingOrder,
)
from eagateway_sdk.paper.faults import Falsify, Fault, FaultPlan, Faults, Mishap, PartialFill, Rule
from eagateway_sdk.paper.holdings import BookHoldings
from eagateway_sdk.paper.master import MasterTerminal, Step
from eagateway_sdk.paper.recording import AccountInfo, BrokenRecording, Event, Recording, SymbolInfo
from eagateway_sdk.paper.tape import Tape
from eagateway_sdk.paper.terminal import PaperTerminal
from eagateway_sdk.paper.terms import init_request

__all__ = [
    "AccountInfo",
    "Amounts",
    "Book",
    "BookHoldings",
    "Booking",
    "BrokenRecording",
    "BrokerError",
    "ClosedTrade",
    "Event",
    "Executed",
    "Falsify",
    "Fault",
    "FaultPlan",
    "Faults",
    "MasterTerminal",
    "Mishap",
    "PaperTerminal",
    "PartialFill",
    "Position",
    "Recording",
    "Rule",
    "Step",
    "SymbolInfo",
    "Tape",
    "WorkingOrder",
    "init_request",
]
