"""What falls due by itself: carried out by every gateway's sweep and by beat, whoever comes first."""

from orders.services import fill_waits, orphans


def carry_out() -> int:
    """Pending copies that have not filled in time, copies that outlive their master's position. Returns how many."""
    return fill_waits.carry_out() + orphans.carry_out()
