"""The settings of a stack, and the constructs that all its capabilities use."""

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
    """All of them, as one value."""

    settings: Settings
    storage: Storage
    keys: SigningKeys
    network: Network
    layers: Layers
    database: Database
