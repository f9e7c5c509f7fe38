"""How values are written, where Django would write them as a language has it: the same in every language of ours.

A decimal keeps its point: lots and prices are typed and read as terminals show them, and 0.10 must not become 0,10 in a
field that is sent back. Dates and times are those of English.
"""
