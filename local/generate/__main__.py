"""``python -m local.generate OUT``: write a dataset and print its expected counts."""

import argparse
import sys
from pathlib import Path

from local.generate.dataset import generate
from local.generate.expected import Expected


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("a share is between 0 and 1")
    return share


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError("there are no fewer than 0 orders")
    return count


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.generate", description=__doc__)
    parser.add_argument(
        "out", metavar="OUT", type=Path, help="folder for the nine CSV files and expected.json"
    )
    parser.add_argument(
        "--orders", metavar="N", type=_count, default=3000, help="number of orders (%(default)s)"
    )
    parser.add_argument(
        "--seed", metavar="S", type=int, default=7, help="another seed, other data (%(default)s)"
    )
    parser.add_argument(
        "--dirty",
        metavar="SHARE",
        type=_share,
        default=0.0,
        help="share of rows to make dirty, as 0.02 (%(default)s)",
    )
    return parser.parse_args(words)


def _print(expected: Expected) -> None:
    print(f"{'table':<22}{'read':>10}{'loaded':>10}{'duplicate':>11}{'rejected':>10}")
    for name, count in expected.tables.items():
        print(f"{name:<22}{count.read:>10}{count.loaded:>10}{count.deduplicated:>11}{count.rejected:>10}")


def main(words: list[str]) -> int:
    """0, or 1 with the reason on the error stream when the folder cannot be written."""
    arguments = _arguments(words)
    try:
        expected = generate(arguments.out, arguments.orders, arguments.seed, arguments.dirty)
    except OSError as error:
        print(f"cannot write to {arguments.out}: {error}", file=sys.stderr)
        return 1
    _print(expected)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
