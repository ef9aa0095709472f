"""What the capabilities of a stack have in common."""

from __future__ import annotations

from dataclasses import dataclass

from infra.foundation.database import Database
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.foundation.signing import SigningKeys
from infra.foundation.storage import Storage
from infra.settings import Settings


@dataclass(frozen=True)
class Foundation:
    """The settings of a stack, and the constructs that its capabilities use."""

    settings: Settings
    storage: Storage
    keys: SigningKeys
    network: Network
    layers: Layers
    database: Database
