"""The states of what is traded, as literal tables of moves, and the codes of every "no".

Models, documents and diagrams read them here.
"""
