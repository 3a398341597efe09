/** Where each shot sits: under which sequence or scene, as a member of what, and where in its order. */
import type { Resolved } from '../types.ts'
import type { Grouping } from '../ui/preferences.ts'

export interface Seat {
  group: string
  /** Whose member the shot is: the group itself, or a scene that sits in the group. */
  container: string
  /** The reference that makes it a member, and its fractional index there. */
  reference: string
  order: string
  /** Where the container itself sits in the group; the seat's own where the container is the group. */
  outer: string
  outerReference: string
}

export type Seats = ReadonlyMap<string, Seat>
export type Entities = ReadonlyMap<string, Resolved>

export const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

export const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export const byId = (all: Entities): Resolved[] => [...all.values()].toSorted((a, b) => natural.compare(a.id, b.id) || byText(a.id, b.id))

const inner = (seat: Seat) => (seat.container === seat.group ? '' : seat.container)

/** In the order of the group; equal indices keep scenes together and fall back to ids. */
export function compareSeats(a: Seat, b: Seat, idA: string, idB: string): number {
  return byText(a.outer, b.outer) || natural.compare(inner(a), inner(b)) || byText(a.order, b.order) || natural.compare(idA, idB) || byText(idA, idB)
}

/**
 * Sequences and scenes say who sits where, not the shots: an edge that changes is announced for its
 * target. By sequence a shot sits where it is placed itself, else where its scene is placed. A shot
 * with two places of a kind keeps the first, so that nothing is ever shown twice.
 */
export function seatsBy(grouping: Grouping, sequences: Entities, scenes: Entities): Map<string, Seat> {
  return grouping === 'scene' ? direct(scenes) : new Map([...throughScenes(sequences, scenes), ...direct(sequences)])
}

function direct(containers: Entities): Map<string, Seat> {
  const seats = new Map<string, Seat>()
  for (const { id, references } of byId(containers)) {
    for (const { source, kind, order, id: reference } of references) {
      if (kind === 'scene' || seats.has(source)) continue
      seats.set(source, { group: id, container: id, reference, order, outer: order, outerReference: reference })
    }
  }
  return seats
}

function throughScenes(sequences: Entities, scenes: Entities): Map<string, Seat> {
  const seats = new Map<string, Seat>()
  for (const { id: group, references } of byId(sequences)) {
    for (const { source: container, kind, order: outer, id: outerReference } of references) {
      if (kind !== 'scene') continue
      for (const { source, order, id: reference } of scenes.get(container)?.references ?? []) {
        if (!seats.has(source)) seats.set(source, { group, container, reference, order, outer, outerReference })
      }
    }
  }
  return seats
}
