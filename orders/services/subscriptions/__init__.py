"""Subscriptions and the graph of who copies whom: stored, paused, resumed, switched off.

Whoever changes one holds the graph first.
"""
