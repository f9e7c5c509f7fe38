"""The life of a session: opened, promoted, resumed, preempted, expired, closed.

Sessions are locked before accounts, keys before both.
"""
