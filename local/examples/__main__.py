"""`python -m local.examples FOLDER`: write the files of the example datasets."""

import argparse
from pathlib import Path

from local.examples import write

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m local.examples",
        description="Write the files of the example datasets company, invoices and transit, a folder for each.",
        epilog="Example: python -m local.examples data && dataforge migrate data/transit --dataset transit",
    )
    parser.add_argument("out", type=Path, help="folder that is created if it is missing")
    for folder in write(parser.parse_args().out):
        print(folder)
