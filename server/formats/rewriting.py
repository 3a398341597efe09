"""Rewriting: what changed between two texts of one scene, in a few words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from server.formats.casting import Casting
from server.formats.earlier_draft import EarlierScene
from server.formats.redraft import line_changes
from server.formats.screenplay import Scene, name_key, spoken_name

__all__ = ["Rewriting"]


class Rewriting:
    """Compares scenes of two drafts. ``renamed`` is by name key, from the old name to the new one:
    a new name alone rewrites no scene.
    """

    def __init__(self, people: Casting, renamed: Mapping[str, str]) -> None:
        self._people = people
        self._renamed = renamed
        names = "|".join(re.escape(name) for name in sorted(renamed, key=len, reverse=True))
        self._names = re.compile(rf"(?<!\w)(?:{names})(?!\w)")

    def what(self, before: EarlierScene, new: Scene, time: str | None) -> list[str]:
        """What changed; nothing where only the way of writing did."""
        old = before.scene
        places = [tuple(map(name_key, one.says.places)) for one in (old, new)]
        words = [*self._lines(old, new), *self._comings_and_goings(old, new)]
        if places[0] != places[1]:
            words.append(f"now at {' / '.join(map(spoken_name, new.says.places)) or 'no place'}")
        if old.says.setting != new.says.setting and new.says.setting:
            words.append(f"now {new.says.setting}")
        if before.time != time and not before.omitted:
            was = f", was {before.time}" if before.time else ""
            words.append(f"now {time or 'at no time of day'}{was}")
        return words

    def _lines(self, old: Scene, new: Scene) -> list[str]:
        if old.lines == new.lines:
            return []
        changes = line_changes(self._with_new_names(old.lines), self._folded(new.lines))
        return [
            f"{number} line{'s' if number > 1 else ''} {how}"
            for number, how in ((changes.added, "added"), (changes.removed, "removed"))
            if number
        ]

    def _folded(self, lines: Sequence[str]) -> Sequence[str]:
        """Names stand in capitals here and not there: where some are new, case tells nothing."""
        return [line.casefold() for line in lines] if self._renamed else lines

    def _with_new_names(self, lines: Sequence[str]) -> Sequence[str]:
        if not self._renamed:
            return lines
        return [
            self._names.sub(lambda found: self._renamed[found[0]], line)
            for line in self._folded(lines)
        ]

    def _comings_and_goings(self, old: Scene, new: Scene) -> list[str]:
        people = self._people
        were = [people.ids.get(self._renamed.get(name_key(one), "")) for one in old.speakers]
        were = [id_ or people.meant(one) for id_, one in zip(were, old.speakers, strict=True)]
        now = [people.id_of(one) for one in new.speakers]
        joined = [f"{people.name_of(id_)} joined" for id_ in now if id_ not in were]
        left = [f"{people.name_of(id_)} left" for id_ in were if id_ and id_ not in now]
        return joined + left
