"""The admin site of the staff: tables to read, the approval desk, monitoring, maintenance, the health check.

It links the actions and never changes a row by itself, but for users and groups.
"""
