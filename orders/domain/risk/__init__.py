"""Limits on what adds exposure.

Each looks at the follower's state after the trade, with everything that is in flight.
"""
