"""What travels about trades: the payloads of OrderIntent, OrderCommand, ExecutionReport and SyncSnapshot.

Nothing here decides anything; what a field means stands beside it.
"""
