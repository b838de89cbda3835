"""What a learned staircase lets one say of the hours to come: "quieter by about 02:30". Pure."""

from datetime import datetime, timedelta

from adaptive_scheduler.staircases import HUNDREDTHS, Learned


def probable_start(now: Learned, anchor: datetime, behind: float, moment: datetime) -> datetime | None:
    """Return when the usual load of the day first falls below the ceiling; None where only the deadline starts it.

    `moment` is the present. The usual load is the mean of the signal in each slot of the days learned from.
    """
    table = now.table
    slot_s = table.stride * table.step_s
    account, age_s = table.account(behind), (moment - anchor).total_seconds()
    first = max(1, table.first - int(age_s // slot_s))
    for ahead in range(first, first + table.ages):
        number = round((age_s + ahead * slot_s) / slot_s) - table.first
        if number >= table.ages:
            return None
        slot = (now.slot + ahead) % table.slots
        if table.usual[slot] / HUNDREDTHS < table.ceiling(slot, max(0, number), account):
            return moment + timedelta(seconds=ahead * slot_s)
    return None
