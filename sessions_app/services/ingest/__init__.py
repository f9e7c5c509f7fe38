"""Frames into rows: the batch's one transaction, what waits in quarantine, and the ports that the app above fills.

Nothing is told to anybody before the commit.
"""
