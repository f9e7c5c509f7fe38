"""A broker and an EA written from docs/protocol.md and docs/copying.md alone, and random days with them.

Nothing here imports the gateway or its SDK: what these share, a mistake in reading the documents, would be in both
sides of every other test. A real gateway process is between a master and his followers; at the end each follower's book
is held against what the master's book and the troubles of the day make of it, by an arithmetic of its own.

python -m tests.independent 40 --seed 7     forty days from seed 7 on, eight at a time in one gateway
"""
