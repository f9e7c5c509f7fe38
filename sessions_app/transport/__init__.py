"""The sockets of this process: who is connected, the ingest batch, and the delivery of command logs."""
