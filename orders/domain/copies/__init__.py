"""A copy on its way to where it shall be: its legs and orders, what a report does to it, what leads it on.

The master's position stands here too, for it is what a copy follows.
"""
