"""When people buy: growing over the months, on working days, by day and in the evening."""

from datetime import datetime, timedelta

from local.generate.chance import Chance, Weighted

FIRST_DAY = datetime(2016, 9, 4)
LAST_DAY = datetime(2018, 10, 17)
BLACK_FRIDAY = datetime(2017, 11, 24)

_BY_WEEKDAY = (118, 116, 113, 108, 103, 78, 85)
_BY_HOUR = (24, 12, 6, 3, 2, 2, 5, 13, 30, 48, 61, 65, 60, 64, 66, 65, 67, 62, 58, 60, 62, 63, 58, 41)


def _demand(day: datetime) -> int:
    """A few orders while the shop was tried out and wound down; steady growth, then a plateau, between."""
    month = (day.year - 2017) * 12 + day.month
    if month < 1 or month > 20:
        return 40
    growth = min(500 + 420 * month, 6200)
    return growth * (6 if day == BLACK_FRIDAY else 1) * _BY_WEEKDAY[day.weekday()] // 100


_DAYS = Weighted(
    (day, _demand(day))
    for day in (FIRST_DAY + timedelta(days=number) for number in range((LAST_DAY - FIRST_DAY).days + 1))
)
_HOURS = Weighted(enumerate(_BY_HOUR))


def purchase(chance: Chance) -> datetime:
    return _DAYS.pick(chance) + timedelta(seconds=_HOURS.pick(chance) * 3600 + chance.below(3600))


def after(moment: datetime, hours: float) -> datetime:
    """A moment some hours later (or earlier), to the second."""
    return moment + timedelta(seconds=int(hours * 3600))


def midnight(moment: datetime, days: int = 0) -> datetime:
    return datetime(moment.year, moment.month, moment.day) + timedelta(days=days)


def text(moment: datetime | None) -> str:
    return "" if moment is None else str(moment)
