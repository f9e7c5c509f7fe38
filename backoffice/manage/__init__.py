"""The management API: what tenants' members do on their pages, for programs. Each route calls what its page calls.

`door.py` says who a token is and what it opens; `writing.py` how a write is asked for and answered once.
"""
