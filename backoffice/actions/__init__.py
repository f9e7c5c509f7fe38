"""What people may do, one module by noun: each action names its form, its permission, its preview and its service.

`page` is the one page of all of them, `registry` the list of them; nothing here knows the site that shows them.
"""
