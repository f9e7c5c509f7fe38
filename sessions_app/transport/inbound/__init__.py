"""What comes in over a link: decoded, bounded, handed to the ingest batch in fair turns.

No rule and no row lives here.
"""
