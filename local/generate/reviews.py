"""Reviews: scores that follow the delivery, and comments that follow the score."""

from collections.abc import Iterator
from datetime import timedelta

from local.generate import moments, phrases
from local.generate.chance import Chance, Strata, Weighted
from local.generate.orders import Order

_SCORES_IN_TIME = Weighted(((5, 630), (4, 205), (3, 75), (2, 25), (1, 65)))
_SCORES_LATE = Weighted(((5, 180), (4, 120), (3, 120), (2, 90), (1, 490)))
_HOURS_TO_ANSWER = (2.0, 18.0, 24.0, 30.0, 40.0, 48.0, 58.0, 70.0, 90.0, 120.0, 700.0)
# Most reviews with a text have one or two remarks.
_REMARKS = Weighted(((0, 12), (1, 42), (2, 30), (3, 12), (5, 4)))
# Web forms of the time sent both line ends; the blank line is a habit of letter writers.
_BREAKS = ("\n", "\n", "\n", "\r\n", "\n\n")

Opinion = tuple[str, str, str, str, str]


class Reviews:
    """Review rows of an order: one as a rule, none for one order in a hundred."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, "reviews")
        self._silent = Strata(self._chance, 0.01)
        self._twice = Strata(self._chance, 0.005)
        self._shared = Strata(self._chance, 0.008)
        self._last: tuple[str, str, Opinion] | None = None

    def of(self, order: Order) -> Iterator[tuple[str, ...]]:
        if self._silent.due():
            return
        for _ in range(2 if self._twice.due() else 1):
            yield self._review(order)

    def _review(self, order: Order) -> tuple[str, ...]:
        """Sometimes one review, with one id, stands for two orders."""
        last = self._last
        if self._shared.due(able=last is not None and last[1] != order.id) and last is not None:
            return (last[0], order.id, *last[2])
        review_id, opinion = self._chance.hex_id(), self._opinion(order)
        self._last = (review_id, order.id, opinion)
        return (review_id, order.id, *opinion)

    def _opinion(self, order: Order) -> Opinion:
        late = order.arrived is None or order.arrived > order.promised
        score = (_SCORES_LATE if late else _SCORES_IN_TIME).pick(self._chance)
        asked = moments.midnight(order.arrived or order.promised + timedelta(days=2), 1)
        answered = moments.after(asked, self._chance.along(_HOURS_TO_ANSWER))
        return (
            str(score),
            self._title(score),
            self._message(score),
            moments.text(asked),
            moments.text(answered),
        )

    def _title(self, score: int) -> str:
        if not self._chance.happens(0.12):
            return ""
        by_score = (phrases.POOR_TITLES, phrases.FAIR_TITLES, phrases.GOOD_TITLES)
        return self._chance.pick(by_score[(score > 2) + (score > 3)])

    def _message(self, score: int) -> str:
        chance = self._chance
        if not chance.happens(0.63 if score < 4 else 0.36):
            return ""
        remarks = [chance.pick(self._moods(score)) for _ in range(_REMARKS.pick(chance))]
        if not remarks:
            return chance.pick(phrases.SHORT)
        if chance.happens(0.3):
            remarks.append(chance.pick(phrases.ASIDES))
        return self._styled(remarks)

    def _moods(self, score: int) -> tuple[str, ...]:
        if score in (3, 4):
            return phrases.CONTENT
        return phrases.DELIGHTED if score == 5 else phrases.CROSS

    def _styled(self, remarks: list[str]) -> str:
        """People differ in line ends, full stops, capitals, and in blanks at the end: all theirs to keep."""
        chance = self._chance
        between = chance.pick(_BREAKS) if chance.happens(0.14) else ". "
        message = between.join(remarks) + chance.pick(
            (".", "", "!", "...", " ", between if between != ". " else ".")
        )
        style = chance.below(12)
        if style == 0:
            return message.upper()
        return message.lower() if style < 3 else message
