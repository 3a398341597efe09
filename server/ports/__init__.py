"""What the core asks of the world, as narrow protocols: what is at rest, and the live side; and
what the live side asks of the core.
"""

from server.ports.clock import Clock
from server.ports.core import Actor, OpenProject, ProjectCore
from server.ports.deliveries import DeliveryStore
from server.ports.documents import DocumentStore, StoredDocument
from server.ports.live import Drafts, LiveProject
from server.ports.people import PeopleStore, StoredPeople
from server.ports.storage import (
    ApprovalFilter,
    AuditFilter,
    ConflictFilter,
    RunTotals,
    Storage,
    StoredLook,
    StoredProject,
)
from server.ports.tokens import StoredToken, TokenStore

__all__ = [
    "Actor",
    "ApprovalFilter",
    "AuditFilter",
    "Clock",
    "ConflictFilter",
    "DeliveryStore",
    "DocumentStore",
    "Drafts",
    "LiveProject",
    "OpenProject",
    "PeopleStore",
    "ProjectCore",
    "RunTotals",
    "Storage",
    "StoredDocument",
    "StoredLook",
    "StoredPeople",
    "StoredProject",
    "StoredToken",
    "TokenStore",
]
