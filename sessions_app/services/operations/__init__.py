"""What keeps the house running: alerts, maintenance windows, gateway processes, retention, history.

These know of nobody above them.
"""
