"""The provisioning document, read strictly: every mistake is named by its place.

What depends on rows is judged by the services.
"""
