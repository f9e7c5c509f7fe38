"""What people do and see: `actions` are what staff may do and their one page, `staff` is the admin site around them,
`tenants` are the pages of tenants' own members. `policy` says who may open what.

`charts` and `latency` compute what pages draw; `permissions` names who may do what.
"""
