"""Copies as rows on their way to where they shall be: what is due, what missed its turn, what outlives its master.

Every order of theirs goes through the command log.
"""
