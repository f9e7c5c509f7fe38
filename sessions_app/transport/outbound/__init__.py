"""What goes out over a link after a commit: answers, command logs, resends, goodbyes.

Numbers go out in order, each once per link.
"""
