"""SQLite as the embedded lane uses it: Django's backend, with turns for those who write."""
