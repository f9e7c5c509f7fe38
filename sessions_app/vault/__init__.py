"""Secrets at rest: how they are encrypted, and with which keys. Services decide who may have one opened, and why."""
