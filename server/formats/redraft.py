"""Redraft: what a new draft of a screenplay makes of the one before. Pure, and bounded in cost.

Scenes are known again by what is in them and never by their number. In this order: the same heading
and lines; the same lines; a text that is much alike, at the same place more willingly; the same
place between two scenes that are known. Among several that fit equally, order is kept.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import combinations, pairwise
from typing import NamedTuple

from server.formats.screenplay import Scene, name_key

__all__ = ["LineChanges", "line_changes", "look_alike", "match_scenes", "renamed", "standing"]

_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W぀-ヿ㐀-鿿가-힯]+")
_ALIKE = 0.4
"""From this score on, two scenes are the same one, rewritten."""
_PLACE = 0.2
"""How much of the score is the place; the rest is the text."""
_RARE = 64
"""Words in more scenes than this, or in half of all, tell nothing and would cost the most time."""
_MOST_CELLS = 4_000_000
"""Texts with more pairs of lines than this are compared as bags of lines."""
_MOST_OFFERED = 100


# -- scenes ----------------------------------------------------------------------------------------


def match_scenes(old: Sequence[Scene], new: Sequence[Scene]) -> dict[int, int]:
    """Which scene before each new scene is, by index; both in the order of their drafts."""
    found: dict[int, int] = {}
    _pair_equal(old, new, found, lambda one: (_place(one), one.lines))
    _pair_equal(old, new, found, lambda one: one.lines or None)
    _pair_alike(old, new, found)
    _pair_between(old, new, found)
    return found


def _place(scene: Scene) -> tuple[str, ...]:
    return tuple(name_key(one) for one in scene.says.places)


def _rest(
    old: Sequence[Scene], new: Sequence[Scene], found: Mapping[int, int]
) -> tuple[list[int], list[int]]:
    taken = set(found.values())
    rest = [index for index in range(len(old)) if index not in taken]
    return rest, [index for index in range(len(new)) if index not in found]


def _pair_equal(
    old: Sequence[Scene],
    new: Sequence[Scene],
    found: dict[int, int],
    key: Callable[[Scene], Hashable],
) -> None:
    """Pair what is equal: first what keeps its order, then whatever is left, in order."""
    before, after = _rest(old, new, found)
    numbers: dict[Hashable, int] = {}
    keys = [
        [numbers.setdefault(key(scenes[index]), len(numbers)) for index in rest]
        for scenes, rest in ((old, before), (new, after))
    ]
    nothing = numbers.get(None)
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    pairs = [
        (block.a + step, block.b + step)
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    ]
    left: dict[int, list[int]] = defaultdict(list)
    used = {a for a, _ in pairs}
    for place, number in enumerate(keys[0]):
        if place not in used:
            left[number].append(place)
    paired = {b for _, b in pairs}
    for place, number in enumerate(keys[1]):
        if place not in paired and left[number]:
            pairs.append((left[number].pop(0), place))
    found.update({after[b]: before[a] for a, b in pairs if keys[0][a] != nothing})


def _pair_alike(old: Sequence[Scene], new: Sequence[Scene], found: dict[int, int]) -> None:
    """Pair rewritten scenes, the most alike first; of equals, those that stand at like places."""
    before, after = _rest(old, new, found)
    scores = _scores([old[index] for index in before], [new[index] for index in after])
    known = sorted((b, a) for b, a in found.items())
    ranked = sorted(
        (-round(score, 2), _crossings(known, before[a], after[b]), abs(a - b), b, a)
        for (a, b), score in scores.items()
        if score >= _ALIKE
    )
    taken: set[int] = set()
    for _, _, _, b, a in ranked:
        if before[a] not in taken and after[b] not in found:
            found[after[b]] = before[a]
            taken.add(before[a])


def _crossings(known: Sequence[tuple[int, int]], a: int, b: int) -> int:
    """How many of the pairs that are known stand the other way round than this one would."""
    if len(known) > 200:
        return 0
    return sum((new < b) != (old < a) for new, old in known)


def _scores(old: Sequence[Scene], new: Sequence[Scene]) -> dict[tuple[int, int], float]:
    """How alike each two scenes are that share anything: words by an index, places by equality."""
    bags = [[_words(one) for one in scenes] for scenes in (old, new)]
    spread = Counter(word for both in bags for bag in both for word in bag)
    most = max(6, min(_RARE, (len(old) + len(new)) // 2))
    for bag in (bag for both in bags for bag in both):
        for word in [word for word in bag if spread[word] > most]:
            del bag[word]
    index: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for place, bag in enumerate(bags[0]):
        for word, times in bag.items():
            index[word].append((place, times))
    sizes = [[bag.total() for bag in both] for both in bags]
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, scene in enumerate(old):
        places[_place(scene)].append(number)
    scores: dict[tuple[int, int], float] = {}
    for b, scene in enumerate(new):
        shared: Counter[int] = Counter()
        for word, times in bags[1][b].items():
            for a, others in index[word]:
                shared[a] += min(times, others)
        here = set(places[_place(scene)])
        for a in here | shared.keys():
            total = sizes[0][a] + sizes[1][b]
            text = 2 * shared[a] / total if total else 0.0
            empty = not old[a].lines or not scene.lines
            same = 1.0 if a in here else 0.0
            # With nothing to compare but the place, the place decides.
            scores[a, b] = same * 0.5 if empty else (1 - _PLACE) * text + _PLACE * same
    return scores


def _words(scene: Scene) -> Counter[str]:
    return Counter(word for line in scene.lines for word in _WORD.findall(line.casefold()))


def _pair_between(old: Sequence[Scene], new: Sequence[Scene], found: dict[int, int]) -> None:
    """A scene at the same place between the same two neighbours is the same, wholly rewritten."""
    known = [(-1, -1), *sorted(found.items()), (len(new), len(old))]
    for (b0, a0), (b1, a1) in pairwise(known):
        taken = set(found.values())
        free = [a for a in range(a0 + 1, a1) if a not in taken]
        for b in range(b0 + 1, b1):
            same = next((a for a in free if _place(old[a]) == _place(new[b])), None)
            if same is not None and _place(new[b]):
                found[b] = same
                free = [a for a in free if a > same]


def standing(ranks: Sequence[int]) -> set[int]:
    """Which positions keep their order: a longest increasing run; all others have moved."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for position, rank in enumerate(ranks):
        at = bisect_left(tails, rank)
        before.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [rank]
        ends[at : at + 1] = [position]
    kept: set[int] = set()
    here = ends[-1] if ends else -1
    while here >= 0:
        kept.add(here)
        here = before[here]
    return kept


class LineChanges(NamedTuple):
    added: int
    removed: int


def line_changes(old: Sequence[str], new: Sequence[str]) -> LineChanges:
    """How many lines came and went between two texts."""
    if len(old) * len(new) > _MOST_CELLS:
        bags = Counter(old), Counter(new)
        return LineChanges((bags[1] - bags[0]).total(), (bags[0] - bags[1]).total())
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    same = sum(block.size for block in matcher.get_matching_blocks())
    return LineChanges(len(new) - same, len(old) - same)


# -- people ----------------------------------------------------------------------------------------


def renamed(
    old: Sequence[Scene],
    new: Sequence[Scene],
    pairs: Mapping[int, int],
    gone: Iterable[str],
    came: Iterable[str],
) -> dict[str, str]:
    """Who goes by another name now: from the new key to the old one, each at most once.

    Somebody who says at least half of the lines of somebody gone, or who speaks where they spoke,
    in at least three places and more often than not.
    """
    gone, came = list(gone), list(came)
    if not gone or not came:
        return {}
    said = [_all_speeches(scenes) for scenes in (old, new)]
    instead = _instead(old, new, pairs)
    ranked: list[tuple[float, str, str]] = []
    for name in came:
        for before in gone:
            mine, theirs = said[1].get(name, Counter()), said[0].get(before, Counter())
            most = max(mine.total(), theirs.total())
            lines = (mine & theirs).total() / most if most else 0.0
            spoken = max(sum(one.cues.count(name) for one in new), 1)
            spoken = max(sum(one.cues.count(before) for one in old), spoken)
            places = instead[before, name] / spoken if instead[before, name] >= 3 else 0.0
            if max(lines, places) >= 0.5:
                ranked.append((-max(lines, places), name, before))
    found: dict[str, str] = {}
    for _, name, before in sorted(ranked):
        if name not in found and before not in found.values():
            found[name] = before
    return found


def _all_speeches(scenes: Iterable[Scene]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for scene in scenes:
        for name, lines in scene.speeches.items():
            found[name].update(lines)
    return found


def _instead(
    old: Sequence[Scene], new: Sequence[Scene], pairs: Mapping[int, int]
) -> Counter[tuple[str, str]]:
    """How often one name stands exactly where another one stood, by ``(before, now)``."""
    found: Counter[tuple[str, str]] = Counter()
    for b, a in pairs.items():
        matcher = SequenceMatcher(None, old[a].cues, new[b].cues, autojunk=False)
        for op, a0, a1, b0, b1 in matcher.get_opcodes():
            if op == "replace" and a1 - a0 == b1 - b0:
                found.update(zip(old[a].cues[a0:a1], new[b].cues[b0:b1], strict=True))
    return found


def look_alike(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Pairs of names that may be one person, with the reason in words: for people to decide."""
    found: list[tuple[str, str, str]] = []
    words = {name: name_key(name).split() for name in names[:400]}
    for a, b in combinations(words, 2):
        short, long = sorted((a, b), key=lambda name: len(words[name]))
        if set(words[short]) < set(words[long]):
            found.append((short, long, f"“{short}” is part of “{long}”"))
        elif _alike(words[a], words[b]):
            found.append((a, b, f"“{a}” and “{b}” are written almost alike"))
        if len(found) == _MOST_OFFERED:
            break
    return found


def _alike(a: Sequence[str], b: Sequence[str]) -> bool:
    """Names of the same words but for one, which has at least four letters and most of them."""
    if len(a) != len(b):
        return False
    others = [(one, other) for one, other in zip(a, b, strict=True) if one != other]
    if len(others) != 1 or min(map(len, others[0])) < 4:
        return False
    return SequenceMatcher(None, *others[0], autojunk=False).ratio() >= 0.8
