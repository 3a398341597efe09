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

/**
 * Which shot sits where. The sequences say it, not the shots: an edge that changes is announced for
 * its target. A shot sits where it is placed itself, else where its scene is placed.
 */
function seatsOf(sequences: ReadonlyMap<string, Resolved>, scenes: ReadonlyMap<string, Resolved>): Map<string, Seat> {
  const own = new Map<string, Seat>()
  const through = new Map<string, Seat>()
  const sorted = [...sequences.values()].toSorted((a, b) => natural.compare(a.id, b.id))
  for (const { id: sequence, references } of sorted) {
    for (const { source, kind, order } of references) {
      if (kind !== 'scene' && !own.has(source)) own.set(source, { sequence, order })
      if (kind !== 'scene') continue
      for (const inner of scenes.get(source)?.references ?? []) {
        if (!through.has(inner.source)) through.set(inner.source, { sequence, order: `${order}\u0000${inner.order}` })
      }
    }
  }
  return new Map([...through, ...own])
}

const NOWHERE: Seat = { sequence: LOOSE, order: '' }

export function group(shots: Iterable<Resolved>, sequences: ReadonlyMap<string, Resolved>, scenes: ReadonlyMap<string, Resolved>): Group[] {
  const seated = seatsOf(sequences, scenes)
  const seats = new Map<string, { shot: Resolved; order: string }[]>()
  for (const shot of shots) {
    const seat = seated.get(shot.id) ?? NOWHERE
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
