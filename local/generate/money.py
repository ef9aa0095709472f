"""Amounts are whole cents until they are written: no rounding anywhere."""


def text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
