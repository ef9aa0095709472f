"""The AWS CDK app: one stack per stage.

It asks the catalogue for the schema's fingerprint, and reads it where the functions' layer is made from.
"""

import sys
from pathlib import Path

_LAYER = str(Path(__file__).resolve().parent.parent / "layers" / "common" / "python")
if _LAYER not in sys.path:
    sys.path.append(_LAYER)
