"""Who somebody is and what they may do, as far as the live side needs to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from protocol.errors import RipplecutError

__all__ = ["Admission", "Gatekeeper", "Grant", "Identity", "Revocation", "Role"]


class Role(IntEnum):
    """What somebody may do in a project; each role includes those below it."""

    VIEWER = 1
    EDITOR = 2
    APPROVER = 3
    OWNER = 4

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Identity:
    """A person or a program behind a token; ``token_id`` is what a revocation names.

    ``expires_at`` is when the token ends, on the gatekeeper's clock; ``None`` means never.
    """

    user: str
    colour: str
    token_id: str
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """An identity and its role in the project of the connection."""

    identity: Identity
    role: Role

    @property
    def read_only(self) -> bool:
        return self.role < Role.EDITOR


Revocation = Callable[[Identity, str], bool]
"""Whether somebody, in a project, loses the right to be there."""


class Admission:
    """The rights that were taken away while it was being found out who somebody is."""

    def __init__(self) -> None:
        self._revoked: list[tuple[Revocation, RipplecutError]] = []

    def revoke(self, predicate: Revocation, error: RipplecutError) -> None:
        self._revoked.append((predicate, error))

    def check(self, identity: Identity, project_id: str) -> None:
        """Raises the error of a revocation that names them."""
        for predicate, error in self._revoked:
            if predicate(identity, project_id):
                raise error


class Gatekeeper(Protocol):
    """Decides who comes in."""

    async def authenticate(self, token: str) -> Identity:
        """Whose token this is; raises Unauthenticated."""
        ...

    async def authorise(self, identity: Identity, project_id: str) -> Role:
        """The role of somebody in a project, as it is now; raises Unauthenticated where their token
        is no longer good, Forbidden or NotFound.
        """
        ...

    def expires_in(self, identity: Identity) -> float | None:
        """Seconds until a token ends; ``None`` means that it does not."""
        ...
