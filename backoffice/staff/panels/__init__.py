"""The staff's pages of single rows, above their fields: how is this account, what did this session say and hear, who
follows this strategy, who got this trade.
"""
