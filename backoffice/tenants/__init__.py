"""The pages of tenants' own members, below /t/<tenant>/. They never enter the admin.

`scope` is the one place that takes rows from the database: everything else in here asks it. `pages` is the one door.
"""
