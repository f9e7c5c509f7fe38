"""A terminal's book against what we believe it holds: what it proves, what differs, what is done about it.

A book is always a whole one, read at one moment.
"""
