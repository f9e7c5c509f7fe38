"""The manners that the REST doors of both apps share: problem bodies, lists, scope, parsing, throttling.

A route of its own stands in an app's `api`.
"""
