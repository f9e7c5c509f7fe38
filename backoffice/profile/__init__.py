"""Pages of a person's own log-in, staff or member: second factor, sessions, password."""
