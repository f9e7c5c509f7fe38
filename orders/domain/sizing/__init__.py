"""How large to copy: the lots of each allocation mode, the rate between two currencies, rounding to a broker's lots.

Pure functions of figures; nothing here knows of an order.
"""
