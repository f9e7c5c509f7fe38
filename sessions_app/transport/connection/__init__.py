"""One link to one EA and the registry of this process's links.

Its fields are written by its own methods alone.
"""
