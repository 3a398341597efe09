/** Shots under their sequences, in the order that the references to the sequence give. */
import type { Resolved } from '../types.ts'

export interface Group {
  id: string
  name: string
  shots: readonly string[]
  seconds: number
}

export const LOOSE = '\u0000loose'

const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

interface Seat {
  sequence: string
  order: string
}

/** A shot sits where it is placed itself, else where its scene is placed. */
function seatOf(shot: Resolved, scenes: ReadonlyMap<string, Resolved>): Seat {
  const own = shot.used_by.find((u) => u.kind === 'sequence')
  if (own !== undefined) return { sequence: own.target, order: own.order }
  for (const use of shot.used_by) {
    const seat = scenes.get(use.target)?.used_by.find((u) => u.kind === 'sequence')
    if (seat !== undefined) return { sequence: seat.target, order: `${seat.order}\u0000${use.order}` }
  }
  return { sequence: LOOSE, order: '' }
}

export function group(shots: Iterable<Resolved>, sequences: ReadonlyMap<string, Resolved>, scenes: ReadonlyMap<string, Resolved>): Group[] {
  const seats = new Map<string, { shot: Resolved; order: string }[]>()
  for (const shot of shots) {
    const seat = seatOf(shot, scenes)
    const row = seats.get(seat.sequence)
    if (row === undefined) seats.set(seat.sequence, [{ shot, order: seat.order }])
    else row.push({ shot, order: seat.order })
  }
  const groups = [...seats].map(([id, row]): Group => {
    row.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : natural.compare(a.shot.id, b.shot.id)))
    return {
      id,
      name: id === LOOSE ? 'Not in a sequence' : (sequences.get(id)?.name ?? id),
      shots: row.map((r) => r.shot.id),
      seconds: row.reduce((sum, { shot }) => sum + (Number(shot.fields['duration']) || 0), 0),
    }
  })
  return groups.toSorted((a, b) => (a.id === LOOSE ? 1 : b.id === LOOSE ? -1 : natural.compare(a.id, b.id)))
}

export function sameGroups(a: readonly Group[], b: readonly Group[]): boolean {
  return a.length === b.length && a.every((g, i) => {
    const o = b[i]
    return o !== undefined && o.id === g.id && o.name === g.name && o.seconds === g.seconds &&
      o.shots.length === g.shots.length && o.shots.every((s, k) => s === g.shots[k])
  })
}
