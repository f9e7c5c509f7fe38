"""What brokers did: every report stored, its command and its copy moved.

The ingest batch's transaction is the caller's.
"""
