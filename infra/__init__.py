"""The AWS CDK app: one stack per stage.

It reads the catalogue, for the schema's fingerprint, from the folder of the functions' layer.
"""

import sys
from pathlib import Path

_LAYER = str(Path(__file__).resolve().parent.parent / "layers" / "common" / "python")
if _LAYER not in sys.path:
    sys.path.append(_LAYER)
