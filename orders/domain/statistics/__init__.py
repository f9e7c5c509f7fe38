"""Figures of an account's closed trades, as MetaTrader prints them.

Definitions: docs/statement.md.
"""
