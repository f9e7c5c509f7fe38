"""The catalogue of conformance cases: number, what it needs, what it says. Numbers are stable; tests carry them.

wire  a base URL and prepared accounts
lane  also reads or sets rows of the deployment
sdk   the SDK with the paper terminal
host  may kill, pause, restore or flood: not part of this suite
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Mark(StrEnum):
    WIRE = "wire"
    LANE = "lane"
    SDK = "sdk"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Case:
    number: int
    section: str
    mark: Mark
    title: str


_HOST: Final = frozenset({19, 61, 69, 74, 79, 80, 82, 95, 99, 109, 110, 112, *range(115, 124), *range(125, 128)})
_SDK: Final = frozenset({55, 56, 57, 58, 71, 84, 100, 114, 124, 151, 157, 159, 161, 162})
_LANE: Final = frozenset(
    [
        *(12, 14, 15, 16, 20, 21, 28, 30, 42, 46, 51, 59, 60, 62, 63, 64, 65, 70, 77, 81, 92, 108, 111),
        *(146, 153, 156, 166, 171),
    ]
)
_SECTIONS: Final[Mapping[str, str]] = {
    "Session lifecycle": """
1 a first frame that is no Hello closes 4401, and nothing is stored
2 a silent socket is closed after 5 s; 500 of them stop nobody
3 Hello and InitRequest are answered with SessionState and one InitAck
4 a second Hello changes nothing
5 the same token again supersedes the half-open link: no frame lost or doubled
6 another protocol version is refused with the supported list
7 a heartbeat interval out of range is clamped or refused; the value in force is told
8 reports on another account's command are refused; the third ends the session
9 the token of a closed session opens nothing
10 a cut within the deadline resumes the same session
11 an expired session says so; its unacknowledged frames come again under the next one
12 every transition leaves exactly one history row
13 closing twice is one transition, and both are told success
14 a pending session lapses; the next request is a new one
15 any sequence of acts: one authenticated session an account, growing fences, only legal moves""",
    "Authentication and keys": """
16 1,000 requests with one unknown key are one approval request
17 a wrong key for a live account leaves its session alone
18 known and unknown accounts answer strangers alike
19 a revoked key is felt with every doorbell dropped
20 of two approvers one wins, the other is told who and when
21 a replayed POST answers with the same session and a new token
22 an Idempotency-Key in flight 409, with another body 422, of others independent
23 a bad client secret is `invalid_client`, and nobody gets a refresh token
24 forged, expired and foreign bearer tokens are refused
25 a token in the address is refused
26 a browser's origin that is not allowed is refused
27 smuggled header bytes are refused
28 X-Forwarded-For counts only from a trusted proxy
29 weak or odd key material is refused before any hash
30 raised hash parameters rehash at the next use""",
    "Sequence and resend": """
31 the next number is acknowledged after its commit
32 a gap is asked for once, then taken in order
33 a stored frame that comes again is answered as before
34 another id under a used number ends the session
35 gaps on both sides are filled at once
36 resend requests: one in flight, none out of range
37 a long log is resent in pages, between heartbeats and new commands
38 expired commands are resent as GapFill
39 GapFills below, at and above the expected number
40 odd numbers are named and change nothing
41 a refused frame consumes its number
42 a log that the gateway lost: new epoch, snapshot first
43 another epoch recovers nothing and asks for a snapshot
44 a lost last command shows in the next HeartbeatAck
45 a late ack changes nothing, one beyond the top is an error
46 100 writers for one account leave no hole in its numbers
47 a snapshot asked for while commands flow loses nothing""",
    "Duplicate and replay": """
48 the same id again, on any link, is one decision
49 the same id with another payload is `id_reused`
50 two ids for one ticket and action are one effect
51 the same intent at two gateways in one instant is one row
52 reports move the state forward only
53 a report that contradicts the first is recorded, not applied
54 yesterday's frames replayed today have no effect
55 a command again, its ledger done: the stored report
56 a ledger that says `sending`: the broker is searched first
57 a lost broker reply opens one order, not two
58 a deleted ledger: found by magic, reported `already`
59 copy numbers neither wrap nor repeat""",
    "Backlog and promotion": """
60 a backlog is released in order at promotion; late opens expire, closes never
61 a backlog committed before a crash is delivered
62 an approval racing a heartbeat promotes once
63 frame 501 of a pending session is told to come later
64 a pending session's reports are applied at its promotion
65 a rejected session is told and closed; its intents are never dispatched
66 two hours offline: opens void, closes and modifies in order""",
    "Preemption": """
67 a newer authorised session preempts the older one
68 who merely asks disturbs nobody
69 queued frames of the older session are fenced
70 two authorisations in one instant: never two sessions
71 two EAs with one key: the loser stays away
72 an unreported command of another installation is in doubt
73 of the same installation it is sent again at once
74 a paused EA that wakes up is refused and told""",
    "Heartbeat and liveness": """
75 silence is asked about, then ends the session
76 an answered test request renews the deadline
77 expiry and heartbeat in one instant: one of them wins
78 the EA's clock plays no part
79 a gateway's clock plays no part
80 after an outage nobody expires before a full timeout
81 mass silence pauses expiry
82 expiry needs neither beat nor Redis
83 an announced long broker call extends the deadline once
84 first heartbeats are spread over the interval
85 polling alone does not keep a session""",
    "Snapshot reconciliation": """
86 an unknown position with our magic is adopted, once
87 a foreign position is shown and left alone
88 a copy that is gone is closed, and not opened again
89 a partial close by hand keeps its lineage
90 a broken or disconnected snapshot is never flat
91 what changed after the snapshot is not compared
92 the same snapshot again changes nothing
93 a lost chunk discards the whole, and it is asked for again
94 an unchanged book is answered `same`""",
    "Shutdown and deploy": """
95 SIGTERM drains: notices, acknowledgements, 4012
96 an EA that leaves is acknowledged; both hold the same last numbers
97 a notice that nobody acknowledges closes after 2 s
98 frames after the closing notice are ignored
99 a rolling deploy loses nothing
100 the closing handshake needs less than 500 ms""",
    "Malformed input": """
101 what is not a frame is named, and the link lives
102 oversize frames and pings close with 1009 or its like
103 every odd field of every frame type is named by its path
104 absurd values and hostile names are refused or harmless
105 unknown types are named, too many of them end the session
106 the protocol layer: fragments, control frames, close codes, UTF-8
107 the REST half against its OpenAPI document
108 a failing handler: retryable, then quarantined as poison""",
    "Flooding and backpressure": """
109 a flood costs no memory
110 a reader that never reads is dropped
111 a loud tenant slows nobody else
112 1,000 reconnects in a second
113 10,000 invented accounts leave bounded rows""",
    "Crashes": """
114 a master's trade is one intent wherever he dies
115 a gateway killed at each step of an intent
116 a gateway killed with reports in its queue
117 the database killed while it commits
118 a minute without the database
119 a database restored to ten minutes ago
120 Redis killed, and restarted empty
121 Redis paused
122 a worker killed with tasks reserved
123 no beat, two beats
124 a follower that dies at any point executes once
125 full disks
126 slow, lossy and cut networks
127 all of them at random for an hour""",
    "Added in review": """
146 two masters, one limit: one passes
147 a former session's report is a late fact, its intent is refused
148 a stranger's frames do not make the owner's duplicates
149 three moves of a stop are three commands
150 a close before its open
151 the EA's ledger wins over a GapFill
152 stop loss, stop-out and a close by hand without a command
153 copies are not relayed, cycles are not saved
154 account ids are compared without case and leading zeros
155 1,000 strangers do not lock the owner out
156 an old key approved leaves the living session
157 a partial close whose report was lost closes once
158 a retryable refusal holds back what follows
159 pendings that fill on one side only
160 netting and FIFO followers are denied""",
    "Convergence": """
161 one order in doubt holds up its own copy only
162 a timeout that fills late is one position
163 a timeout that filled is one position, and the attempts have an end
164 while one copy is in doubt the others are served
165 2,000 symbols come in parts, a lost part discards all
166 no frame of the gateway is longer than a frame may be
167 the lots of partial fills are cumulative
168 facts are taken whatever else is wrong with them
169 a master's remainder is found by its lineage
170 a netting master is refused and not copied in part
171 what was acknowledged outlives its session's promotion
172 a doubled copy's second position is closed by its ticket
173 limits for the terminal come with InitAck, by the names that the protocol has
174 what is too much for one answer comes with the next, each command once""",
}


def _mark(number: int) -> Mark:
    for mark, numbers in ((Mark.HOST, _HOST), (Mark.SDK, _SDK), (Mark.LANE, _LANE)):
        if number in numbers:
            return mark
    return Mark.WIRE


def _read() -> dict[int, Case]:
    cases = {}
    for section, lines in _SECTIONS.items():
        for line in lines.strip().splitlines():
            number, _, title = line.partition(" ")
            cases[int(number)] = Case(int(number), section, _mark(int(number)), title)
    return cases


CASES: Final[Mapping[int, Case]] = _read()
# Why a case has no test, or what its test waits for. The table of docs/conformance.md shows both.
REASONS: Final[Mapping[int, str]] = {
    107: "a run of its own in `make test`: tests/fuzz/test_rest_fuzz.py",
}
AWAITED: Final[Mapping[int, str]] = {}
# The cases that the EA plays as well, and what is asked of it in another way, for what reason.
BY_THE_EA: Final[Mapping[int, str]] = {
    55: "its process ends when the report is in its journal; that it comes again shows as a second record",
    56: "its window is a minute: its clock goes twenty times as fast while it searches",
    57: "the same",
    58: "journal and session are deleted",
    71: "it says so on the chart, and tells the gateway nothing more",
    83: "the broker's first call takes 1.2 seconds; what is announced before the next one lasts longer than that one",
    84: "counted from each one's introduction to its next heartbeat, as the gateway hears them",
    89: "a hand closes a part in its terminal: that is told, and the rest is closed as the same copy",
    90: "a terminal without a connection tells that it sees nothing, and its copy is closed as a whole later",
    93: "its terminal loses a part of three; over the socket alone, for a call is lost as a whole",
    94: "asked at the start of a session, it tells a book that was told before as the same",
    100: "the numbers are the gateway's: it waits for no answer, for OnDeinit is short. Not timed here: "
    "`python -m tests.ea.bars leaving`",
    114: "its journal is not deleted: without one it takes what is open for old and tells nothing. "
    "It ends before it has written down that the gateway has stored the trade",
    124: "",
    151: "it holds no acknowledgement back: its process ends in the pass in which the command came",
    157: "",
    159: "the copy fills at its broker, and it finds that out by itself",
    161: "",
}
