"""What people do and see: `actions` are what may be done and their one page, `staff` is the admin site around them.

`charts` and `latency` compute what pages draw; `permissions` names who may do what.
"""
