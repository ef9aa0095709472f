"""The Python of the peers, which have a separate environment, as their users would have."""

from local.config import ROOT

PEER_PYTHON = ROOT / ".local" / "peer-venv" / "bin" / "python"
