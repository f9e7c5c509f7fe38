"""Random histories: masters trade, followers' brokers misbehave, and every book is compared with an expectation.

`broker.py`, `follower.py`, `master.py` and `expectation.py` know the documents and nothing of `orders`: what they
expect is not taken from what they check. `gateway.py` alone drives the real services, frame by frame; `rows.py` alone
reads rows.
"""
