"""Ordering: in which order a file's entities and their older versions can be made."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from protocol.errors import Cycle

__all__ = ["CURRENT", "Node", "in_order"]

Node = tuple[str, int]
"""An entity's older version by its number, or the entity itself: ``CURRENT``."""
CURRENT = 0


def in_order(needs: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """The nodes, each after everything that it needs; raises Cycle naming the way round.

    Needs that are no nodes are there already. Nodes that could go in any order stay in theirs.
    """
    waiting: dict[Node, int] = {}
    users: dict[Node, list[Node]] = {}
    for node, needed in needs.items():
        known = {one for one in needed if one in needs}
        waiting[node] = len(known)
        for one in known:
            users.setdefault(one, []).append(node)
    ready = deque(node for node, count in waiting.items() if not count)
    order: list[Node] = []
    while ready:
        node = ready.popleft()
        order.append(node)
        for user in users.get(node, ()):
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    if len(order) < len(needs):
        raise Cycle(_way_round(needs, {node for node, count in waiting.items() if count}))
    return order


def _way_round(needs: Mapping[Node, Iterable[Node]], stuck: set[Node]) -> list[str]:
    """One cycle among nodes that each need another of them, from what is used to what uses it."""
    here = min(stuck)
    trail: dict[Node, None] = {}
    while here not in trail:
        trail[here] = None
        here = next(one for one in needs[here] if one in stuck)
    nodes = list(trail)
    way = [*nodes[nodes.index(here) :], here][::-1]
    ids = [way[0][0]]
    ids += [id_ for (id_, _), (last, _) in zip(way[1:], way, strict=False) if id_ != last]
    return ids if len(ids) > 1 else ids * 2
