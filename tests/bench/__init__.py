"""`make bench`: the gateway's real processes against a bare relay, interleaved, in ratios and not in milliseconds.

A shared machine is fast in one minute and slow in the next. What stands is how the gateway compares to a relay that
does the least that can be done with the same promise (a durable row per intent, command and report), measured in turn
by the same load client. `bars.py` says what is promised, docs/performance.md what came out.
"""
