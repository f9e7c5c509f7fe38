"""Who may serve an account: keys, grants, approval policies, OAuth clients, suspensions, and the limits on asking.

What is approved is the key; its session follows.
"""
