"""What masters did: stored, decided for every subscription, and ordered, in one batch of rows.

The ingest batch's transaction is the caller's.
"""
