//+------------------------------------------------------------------+
//| Config.mqh: version, bounds and pauses, in one place.            |
//| Shared by MQL4 and MQL5.                                         |
//+------------------------------------------------------------------+
#property strict
#ifndef EAG_CONFIG
#define EAG_CONFIG

#define EA_VERSION           "1.0"
#define EA_FOLDER            "EAGateway"
#define COPY_MAGIC           0x5A000000
#define COPY_NUMBERS         0x00FFFFFF

//--- one frame has 16 KiB at most; parts stay below, for the envelope and for letters of several bytes
#define PART_BYTES           12000
#define FRAME_MOST           16384
#define CALL_BYTES           49152
#define ANSWER_BYTES         65536
#define CALL_FRAMES          50
#define PART_MS              130
#define TELL_AGAIN_MS        15000
#define NO_ROLE_MS           300000
#define TERMS_MS             600000
//--- of a part of the book: the rest of a frame is its envelope, age, n, of and the names of its lists
#define BOOK_BYTES           15900

//--- pauses, in milliseconds
#define HOLD_MS              400
#define MASTER_POLL_MS       250
#define PENDING_POLL_MS      2000
#define CALL_MS              3000
#define OPEN_MS              5000
#define TOLD_MOST_MS         3600000
#define BACKOFF_MS           1000
#define BACKOFF_MOST_MS      60000
#define STABLE_MS            10000
#define FREEZE_MS            5000
#define UPGRADES             2
#define CALLS_FOR_MS         600000
#define ASK_AGAIN_MS         2000
#define PENALTY_MS           60000
#define PENALTIES            3
#define HEAL_MS              10000

//--- orders
#define ORDERS_MS            250
#define SEARCH_MS            60000
#define SEARCH_PAUSE_MS      1000
#define RETRY_MS             10000
#define RETRY_PAUSE_MS       500
#define PRICE_TRIES          3
#define OPENING_TRIES        3
#define SCAN_MS              20
#define EMPTY_MS             3000
#define BLIND_MS             60000
#define GONE_MS              5000
#define NOWHERE_MS           10000
#define GONE_SCANS           3
#define CONNECTED_MS         30000
//--- a broker whose calls take so long is waited for with an announcement: four calls and so much more, at most so long
#define SLOW_CALL_MS         1000
#define BUSY_SPARE_MS        10000
#define BUSY_MOST_MS         120000
#define BOOK_WAIT_MS         8000

//--- the journal
#define LEDGER_KEPT          5000
#define JOURNAL_BYTES        4194304
#define BASELINE_ROWS        100
#endif
