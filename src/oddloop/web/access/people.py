"""Who is asking, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from oddloop.config import Role

ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may: only ask the intake; look; decide and name; change what concerns all.

A viewer does not ask the intake, though: its answers are records, and take the places of others.
"""
Way = Literal["session", "bearer", "proxy"]


@dataclass(frozen=True)
class Person:
    """Somebody who has shown who they are.

    Attributes:
        name: author of what they write.
        role: what they may do.
        way: how they showed it. A browser sends the cookie of a `session`, and what a `proxy` adds, by itself, also
            where another site makes it ask; so their writes need the page's own token as well.
    """

    name: str
    role: Role
    way: Way

    def may(self, role: Role) -> bool:
        """Whether what needs that role is allowed.

        >>> Person("ann", "reviewer", "session").may("viewer"), Person("ann", "reviewer", "session").may("admin")
        (True, False)
        """
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def may_ask_intake(self) -> bool:
        """Whether the intake answers them.

        >>> [role for role in ROLES if Person("ann", role, "bearer").may_ask_intake]
        ['collector', 'reviewer', 'admin']
        """
        return self.role != "viewer"
