"""German pages write values as English ones do."""
