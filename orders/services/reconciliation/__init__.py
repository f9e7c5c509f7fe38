"""Books of terminals against our rows: snapshots taken in, differences kept as rows with a life, people's decisions.

What a book proves is applied as a report.
"""
