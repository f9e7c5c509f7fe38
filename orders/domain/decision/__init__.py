"""Whether to copy, and what: the inputs of one decision, its steps, and the pipeline that runs them.

Filters and the mapping of symbols are steps of it.
"""
