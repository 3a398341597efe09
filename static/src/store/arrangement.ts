/** Where a shot goes: plans a move over the seats there are. Pure; `arranging.ts` carries it out. */
import { LOOSE } from './groups.ts'
import { between } from './order.ts'
import { byText, compareSeats, type Seat, type Seats } from './seats.ts'

/** Before another shot of a group, or at its end. */
export interface Place {
  group: string
  before: string | null
}

export interface Plan {
  shot: string
  /** Whose member it becomes, and with which index; null takes it out of its group. */
  container: string | null
  order: string
  /** References of neighbours that have to move over, in the order in which to write them. */
  others: readonly { reference: string; order: string }[]
  /** The seats that are other ones afterwards; null for none. */
  seats: ReadonlyMap<string, Seat | null>
}

/** One thing that has an index among a container's members: a shot, or a scene with its shots. */
interface Member {
  reference: string
  order: string
  from: number
}

function members(row: readonly Seat[], container: string, group: string): Member[] {
  const found = new Map<string, Member>()
  row.forEach((seat, from) => {
    if (container !== group && seat.container !== container) return
    const [reference, order] = container === group ? [seat.outerReference, seat.outer] : [seat.reference, seat.order]
    if (!found.has(reference)) found.set(reference, { reference, order, from })
  })
  return [...found.values()].toSorted((a, b) => byText(a.order, b.order) || a.from - b.from)
}

/** Whose member it becomes between two neighbours: theirs if they agree, else its own if one has it too. */
function containerOf(group: string, own: Seat | undefined, prev: Seat | undefined, next: Seat | undefined): string {
  if (prev !== undefined && prev.container === next?.container) return prev.container
  if (own !== undefined && [prev, next].some((seat) => seat?.container === own.container)) return own.container
  return prev?.container ?? next?.container ?? group
}

/** What puts a shot in a place, given where all are. `isShown` leaves out what a group lists but does not show. */
export function plan(seats: Seats, shot: string, place: Place, isShown: (id: string) => boolean, into?: string): Plan {
  const after = new Map(seats)
  after.delete(shot)
  if (place.group === LOOSE) return { shot, container: null, order: '', others: [], seats: new Map([[shot, null]]) }
  const row = [...after].filter(([id, seat]) => seat.group === place.group && isShown(id)).toSorted(([a, left], [b, right]) => compareSeats(left, right, a, b))
  const at = place.before === null ? row.length : row.findIndex(([id]) => id === place.before)
  const index = at < 0 ? row.length : at
  const container = into ?? containerOf(place.group, seats.get(shot), row[index - 1]?.[1], row[index]?.[1])
  const all = members(row.map(([, seat]) => seat), container, place.group)
  const gap = all.filter((member) => member.from < index).length
  const { order, others } = between(all.map((member) => member.order), gap)
  const moved = others.flatMap(({ at: which, order: key }) => {
    const member = all[which]
    return member === undefined ? [] : [{ reference: member.reference, order: key }]
  })
  const fresh = new Map(moved.map((one) => [one.reference, one.order]))
  const changed = new Map<string, Seat>()
  for (const [id, seat] of after) {
    const [own, outer] = [fresh.get(seat.reference), fresh.get(seat.outerReference)]
    if (own !== undefined || outer !== undefined) changed.set(id, { ...seat, order: own ?? seat.order, outer: outer ?? seat.outer })
  }
  const scene = container === place.group ? undefined : row.find(([, seat]) => seat.container === container)?.[1]
  changed.set(shot, {
    group: place.group, container, order, reference: seats.get(shot)?.reference ?? '', outer: scene?.outer ?? order, outerReference: scene?.outerReference ?? '',
  })
  return { shot, container, order, others: moved, seats: changed }
}
