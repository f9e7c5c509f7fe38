"""A deployment brought to what its document says: all of it in one transaction, or nothing.

The same document again changes nothing.
"""
