"""Who calls: tokens, the session cookie, roles, and what each may see."""

from __future__ import annotations

import getpass
import hmac
import re
import secrets
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.types import Scope

from protocol.errors import Forbidden, NotFound, Unauthenticated
from server.domain.actors import Actor
from server.ports import Clock, StoredToken, TokenStore
from server.rooms.access import Identity, Role
from server.web.live import SESSION_COOKIE

__all__ = [
    "NOBODY",
    "Authority",
    "Caller",
    "colour_of",
    "duration",
    "local_user",
    "role_of",
    "session_cookie",
]

_COLOURS = (
    "#c02a37", "#b0487f", "#7a3fc0", "#4f56c4", "#1667b7", "#0f7f8c",
    "#217a3c", "#5f7a12", "#956400", "#b4541a", "#8a5a44", "#5b6b7c",
)  # fmt: skip
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
ADMIN = "administrator"


def colour_of(user: str) -> str:
    """The colour that somebody has everywhere, made of their name."""
    return _COLOURS[sha256(user.encode()).digest()[0] % len(_COLOURS)]


def role_of(name: str) -> Role:
    """A role by its name; raises ValueError."""
    for role in Role:
        if role.label == name:
            return role
    raise ValueError("must be one of: " + ", ".join(role.label for role in Role))


def duration(text: str) -> float:
    """Seconds of ``90``, ``30s``, ``15m``, ``12h``, ``7d`` or ``4w``; raises ValueError."""
    found = re.fullmatch(r"(\d{1,9})([smhdw]?)", text.strip())
    if found is None or int(found[1]) == 0:
        raise ValueError("must be a time such as 12h or 7d")
    return float(int(found[1]) * _UNITS[found[2] or "s"])


def local_user() -> str:
    """What the administrator is called: who runs the program on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ADMIN


def _read(name: str) -> str:
    """A name as somebody reads it: without what only looks different to a machine."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def hash_of(token: str) -> str:
    """What is stored of a token. It has 256 random bits, so it needs no salt and no slow hash."""
    return sha256(token.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who proved who they are. ``project_id=None``: their role holds in every project."""

    identity: Identity
    role: Role
    project_id: str | None
    expires_at: str | None
    via: str = "api"
    roles: Mapping[str, str | None] = field(default_factory=dict)
    """Their role in projects of which they are or were a member: a token allows no more."""

    @property
    def actor(self) -> Actor:
        return Actor(self.identity.user, self.via, self.role.label)

    @property
    def hidden(self) -> frozenset[str]:
        """The projects that they were removed from."""
        return frozenset(one for one, role in self.roles.items() if role is None)

    def sees(self, project_id: str) -> bool:
        return self.project_id in (None, project_id) and self.roles.get(project_id, "") is not None

    def within(self, project_id: str) -> Caller:
        """The caller as what they are in one project. Raises NotFound, as ``check_sees``."""
        self.check_sees(project_id)
        own = self.roles.get(project_id)
        return self if own is None else replace(self, role=min(self.role, role_of(own)))

    def check_sees(self, project_id: str) -> None:
        """Raises NotFound, as if there were no such project, where it is not theirs to see."""
        if not self.sees(project_id):
            raise NotFound(f"There is no project {project_id!r}")

    def check_may(self, role: Role) -> None:
        """Raises Forbidden where the caller's role is below ``role``."""
        if self.role < role:
            raise Forbidden(f"This needs the role {role.label}; yours is {self.role.label}")

    def to_json(self) -> dict[str, str | None]:
        return {
            "user": self.identity.user,
            "role": self.role.label,
            "project_id": self.project_id,
            "colour": self.identity.colour,
            "expires_at": self.expires_at,
        }


NOBODY = Caller(Identity("", "", ""), Role.VIEWER, "", None)
"""The caller of an operation that asks for no login."""


class Authority:
    """Knows every token. Implements ``rooms.access.Gatekeeper`` for the live side."""

    def __init__(
        self,
        tokens: TokenStore,
        *,
        admin_token: str,
        admin_user: str,
        clock: Clock,
        project_exists: Callable[[str], Awaitable[object]],
    ) -> None:
        self._tokens = tokens
        self._admin = admin_token.encode()
        admin = Identity(admin_user, colour_of(admin_user), ADMIN)
        self._admin_caller = Caller(admin, Role.OWNER, None, None)
        self._clock = clock
        self._project_exists = project_exists

    # -- asking ---------------------------------------------------------------------------------

    async def identify(self, token: str) -> Caller:
        """Whose token this is, and what it allows. Raises Unauthenticated."""
        given = token.encode(errors="surrogatepass")
        if self._admin and hmac.compare_digest(given, self._admin):
            return self._admin_caller
        return await self._caller_of(hash_of(token))

    async def _caller_of(self, hash_: str) -> Caller:
        found = await self._tokens.holder(hash_)
        if found is None:
            raise Unauthenticated("This token is not known; it may have been revoked")
        stored, roles = found
        if stored.expires_at is not None and stored.expires_at <= self._clock():
            raise Unauthenticated("This token has expired; log in again")
        via = "page" if stored.purpose == "session" else "api"
        colour = colour_of(stored.user)
        identity = Identity(stored.user, colour, stored.hash, stored.expires_at)
        role = role_of(stored.role)
        return Caller(identity, role, stored.project_id, stored.expires_at, via, roles)

    async def caller(self, scope: Scope) -> Caller:
        """Who sends a request: ``Authorization: Bearer`` first, else the session cookie.

        Raises Unauthenticated.
        """
        token = credential(Headers(scope=scope))
        if token is None:
            raise Unauthenticated("Send a token as “Authorization: Bearer …”, or log in")
        return await self.identify(token)

    async def authenticate(self, token: str) -> Identity:
        return (await self.identify(token)).identity

    async def authorise(self, identity: Identity, project_id: str) -> Role:
        if identity.token_id == ADMIN:
            caller = self._admin_caller
        else:
            caller = await self._caller_of(identity.token_id)
        role = caller.within(project_id).role
        await self._project_exists(project_id)
        return role

    def expires_in(self, identity: Identity) -> float | None:
        return None if identity.expires_at is None else self.seconds_until(identity.expires_at)

    # -- giving and taking ----------------------------------------------------------------------

    def is_administrator(self, user: str) -> bool:
        """Whether a name is the administrator's, or one that a reader takes for it."""
        names = (self._admin_caller.identity.user, ADMIN)
        return _read(user) in [_read(name) for name in names]

    async def issue(
        self,
        user: str,
        role: Role,
        project_id: str | None,
        purpose: str,
        expires_at: str | None,
    ) -> str:
        """A fresh token; only its hash is kept."""
        token, stored = self.make(user, role, project_id, purpose, expires_at)
        await self._tokens.add_token(stored)
        return token

    def make(
        self, user: str, role: Role, project_id: str | None, purpose: str, expires_at: str | None
    ) -> tuple[str, StoredToken]:
        """A fresh token and what is to be stored of it: it is good once somebody has done that."""
        token = f"rc_{secrets.token_urlsafe(32)}"
        at = self._clock()
        kept = StoredToken(hash_of(token), user, role.label, project_id, purpose, at, expires_at)
        return token, kept

    async def begin_session(self, token: str) -> tuple[str, Caller]:
        """A session with a token's rights and expiry. Raises Unauthenticated."""
        caller = await self.identify(token)
        session = await self.issue(
            caller.identity.user, caller.role, caller.project_id, "session", caller.expires_at
        )
        return session, caller

    async def end_session(self, session: str) -> str:
        """Forget a session; answers its token id."""
        hash_ = hash_of(session)
        await self._tokens.remove_token(hash_)
        return hash_

    def after(self, seconds: float) -> str:
        """The time that many seconds from now."""
        now = datetime.fromisoformat(self._clock())
        return _iso(now + timedelta(seconds=seconds))

    def seconds_until(self, at: str) -> int:
        left = datetime.fromisoformat(at) - datetime.fromisoformat(self._clock())
        return max(0, int(left.total_seconds()))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def credential(headers: Headers) -> str | None:
    """The token that a request carries, whether it is good or not."""
    given = headers.get("authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None
    return session_of(headers)


def session_of(headers: Headers) -> str | None:
    """The text of the session cookie."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[SESSION_COOKIE].value or None if SESSION_COOKIE in cookies else None


def session_cookie(session: str, scope: Scope, max_age: int | None) -> str:
    """The ``Set-Cookie`` of a session; an empty one ends it."""
    parts = [f"{SESSION_COOKIE}={session}", "HttpOnly", "SameSite=Strict", "Path=/"]
    if max_age is not None:
        parts.append(f"Max-Age={max_age}")
    if scope.get("scheme") == "https":
        parts.append("Secure")
    return "; ".join(parts)
