"""What falls due by itself: carried out by every gateway's sweep and by beat, whoever comes first."""

from orders.services.copies import convergence, fill_waits


def carry_out() -> int:
    """Pending copies that have not filled in time, and copies whose moment has come. Returns how many."""
    return fill_waits.carry_out() + convergence.carry_out()
