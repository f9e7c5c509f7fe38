"""Every page over a deployment that is not new: a million commands, two thousand accounts, on PostgreSQL."""
