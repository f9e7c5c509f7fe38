"""Frames: the envelope around every payload, the payloads that say who is connected, and the order of numbers.

The payloads of trade stand in orders.domain.wire.
"""
