/** Where a grabbed panel would stand: what the groups look like with it there, and where a key takes it. */
import type { Place } from '../../store/arrangement.ts'
import { type Group, LOOSE } from '../../store/groups.ts'

/** The groups with a shot in another place; groups that it does not touch stay the very same. */
export function arranged(groups: readonly Group[], shot: string, place: Place): readonly Group[] {
  return groups.map((g) => {
    const here = g.shots.includes(shot)
    if (!here && g.id !== place.group) return g
    const rest = here ? g.shots.filter((id) => id !== shot) : g.shots
    if (g.id !== place.group) return { ...g, shots: rest }
    const at = place.before === null ? -1 : rest.indexOf(place.before)
    return { ...g, shots: at < 0 ? [...rest, shot] : rest.toSpliced(at, 0, shot) }
  })
}

export function placeOf(groups: readonly Group[], shot: string): Place | null {
  const home = groups.find((g) => g.shots.includes(shot))
  return home === undefined ? null : { group: home.id, before: home.shots[home.shots.indexOf(shot) + 1] ?? null }
}

export const samePlace = (a: Place | null, b: Place | null) => a?.group === b?.group && a?.before === b?.before

/** "2 of 8 in The last timetable" */
export function placeInWords(groups: readonly Group[], shot: string): string {
  const home = groups.find((g) => g.shots.includes(shot))
  return home === undefined ? '' : `${home.shots.indexOf(shot) + 1} of ${home.shots.length} in ${home.name}`
}

const into = (g: Group | undefined, at: number): Place | null => (g === undefined || g.id === LOOSE ? null : { group: g.id, before: g.shots[at] ?? null })

/** Where a key takes a grabbed panel; past an edge it goes on in the next group. */
export function stepped(groups: readonly Group[], shot: string, key: string, columns: number): Place | null {
  // Nothing can be put where nothing has an order.
  const rows = groups.filter((g) => g.id !== LOOSE || g.shots.includes(shot))
  const which = rows.findIndex((g) => g.shots.includes(shot))
  const home = rows[which]
  if (home === undefined) return null
  const rest = home.shots.filter((id) => id !== shot)
  const index = home.shots.indexOf(shot)
  const inGroup = (at: number): Place => ({ group: home.id, before: rest[at] ?? null })
  const loose = home.id === LOOSE
  const column = index % columns
  switch (key) {
    case 'ArrowLeft':
      return index > 0 && !loose ? inGroup(index - 1) : into(rows[which - 1], Number.POSITIVE_INFINITY)
    case 'ArrowRight':
      return index < rest.length && !loose ? inGroup(index + 1) : into(rows[which + 1], 0)
    case 'ArrowUp': {
      if (index >= columns && !loose) return inGroup(index - columns)
      const above = rows[which - 1]
      return into(above, above === undefined ? 0 : Math.floor(above.shots.length / columns) * columns + column)
    }
    case 'ArrowDown':
      if (index + columns <= rest.length && !loose) return inGroup(index + columns)
      if (Math.floor(index / columns) < Math.floor(rest.length / columns) && !loose) return inGroup(rest.length)
      return into(rows[which + 1], column)
    case 'Home':
      return loose ? null : inGroup(0)
    case 'End':
      return loose ? null : inGroup(rest.length)
    default:
      return null
  }
}
