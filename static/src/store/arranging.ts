/** Moves shots and makes new ones: shown at once, sent in turn, put right where the server says no. */
import type { NewShot } from '../api/members.ts'
import { Problem } from '../api/problem.ts'
import type { Fields, Reference, Resolved } from '../types.ts'
import { type Grouping, grouping } from '../ui/preferences.ts'
import { type Place, type Plan, plan } from './arrangement.ts'
import { LOOSE } from './groups.ts'
import { nextId } from './numbering.ts'
import type { Seat } from './seats.ts'
import type { Move, ShotStore } from './shots.ts'

export interface ArrangingPorts {
  create(shot: NewShot): Promise<unknown>
  discard(shot: string): Promise<unknown>
  join(shot: string, container: string, order: string): Promise<Reference>
  reorder(reference: string, order: string): Promise<unknown>
  leave(reference: string): Promise<unknown>
  /** Takes the state of these in, as it is now. */
  refresh(ids: readonly string[]): Promise<unknown>
}

const ATTEMPTS = 5

const isGone = (error: unknown) => error instanceof Problem && error.code === 'not_found'
const isTaken = (error: unknown) => error instanceof Problem && error.code === 'conflict'

export class Arranging {
  readonly #shots: ShotStore
  readonly #ports: ArrangingPorts
  #turn: Promise<unknown> = Promise.resolve()

  constructor(shots: ShotStore, ports: ArrangingPorts) {
    this.#shots = shots
    this.#ports = ports
  }

  /** Puts a shot in a place of the grouping that is shown. Rejects when it could not be, with everything as it was. */
  move(shot: string, place: Place): Promise<void> {
    const by = grouping.peek()
    const planned = this.#plan(by, shot, place)
    const shown: Move = { by, seats: planned.seats }
    this.#shots.seat(shown)
    return this.#inTurn(async () => {
      // Where it is now, by what has been published: an earlier move of this page has arrived by now.
      const from = this.#shots.seats(by, true).get(shot)
      try {
        await this.#carryOut(planned, from)
      } finally {
        await this.#refresh([planned.container, from?.container])
        this.#shots.settle(shown)
      }
    })
  }

  /**
   * Makes a shot behind another one, or at the end of a group, and answers its id. Rejects when it could
   * not be placed; then there is none.
   */
  add(group: string, behind: string | null): Promise<string> {
    return this.#inTurn(() => this.#add(group, behind))
  }

  /** One after the other, so that each finds the references that the one before has left. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }

  #plan(by: Grouping, shot: string, place: Place, into?: string): Plan {
    return plan(this.#shots.seats(by), shot, place, (id) => this.#shots.isShot(id), into)
  }

  async #refresh(ids: readonly (string | null | undefined)[]): Promise<void> {
    const known = [...new Set(ids.filter((id) => typeof id === 'string'))]
    // What cannot be fetched now comes with the frames.
    if (known.length > 0) await this.#ports.refresh(known).catch(() => undefined)
  }

  async #carryOut({ shot, container, order, others }: Plan, from: Seat | undefined): Promise<void> {
    const { join, leave, reorder } = this.#ports
    for (const other of others) await reorder(other.reference, other.order)
    if (container === null) {
      if (from !== undefined) await leave(from.reference)
      return
    }
    if (from?.container === container) {
      await reorder(from.reference, order)
      return
    }
    const made = await join(shot, container, order)
    if (from === undefined) return
    try {
      await leave(from.reference)
    } catch (error) {
      // Without this, the shot would belong to both. Whoever took it away first has moved it.
      await leave(made.id).catch(() => undefined)
      throw isGone(error) ? new Problem(409, 'moved', 'Moved by somebody else', `Somebody else has just moved ${shot}.`) : error
    }
  }

  async #add(group: string, behind: string | null): Promise<string> {
    const by = grouping.peek()
    const groups = this.#shots.groups.peek()
    const row = groups.find((g) => g.id === group)?.shots ?? []
    const before = behind ?? row.at(-1) ?? null
    const place = { group, before: (behind === null ? undefined : row[row.indexOf(behind) + 1]) ?? null }
    const earlier = groups.slice(0, groups.findIndex((g) => g.id === group)).findLast((g) => g.id !== LOOSE && g.shots.length > 0)?.shots.at(-1) ?? null
    const model = this.#shots.panel(before ?? earlier ?? '')?.peek().base
    const scene = by === 'scene' ? this.#shots.scenes.peek().get(group) : undefined
    const { fields, references } = inherited(scene, before === null ? undefined : model, model)
    const id = await this.#create(before ?? earlier, row, { fields, references })
    const containers: string[] = []
    try {
      for (const planned of this.#memberships(by, id, place, before, earlier)) {
        for (const other of planned.others) await this.#ports.reorder(other.reference, other.order)
        if (planned.container === null) continue
        await this.#ports.join(id, planned.container, planned.order)
        containers.push(planned.container)
      }
    } catch (error) {
      await this.#ports.discard(id).catch(() => undefined)
      await this.#refresh(containers)
      throw error
    }
    await this.#ports.refresh([id, ...containers])
    return id
  }

  /**
   * The group that is shown, and also what its neighbours belong to by the other grouping: the scene of
   * the shot before; the sequence where shots of a scene's sequence are its own members.
   */
  #memberships(by: Grouping, id: string, place: Place, behind: string | null, earlier: string | null): Plan[] {
    const first = this.#plan(by, id, place)
    const other = by === 'scene' ? 'sequence' : 'scene'
    const seats = this.#shots.seats(other)
    const home = behind === null ? this.#sequenceOf(by, place.group) : seats.get(behind)?.group
    const row = home === undefined ? [] : this.#shots.rowOf(other, home)
    const at = row.indexOf(behind ?? earlier ?? '')
    const container = seats.get(row[Math.max(at, 0)] ?? '')?.container
    if (home === undefined || container === undefined || container === first.container || (other === 'sequence' && container !== home)) return [first]
    return [first, this.#plan(other, id, { group: home, before: row[at + 1] ?? null }, container)]
  }

  /** For a scene without shots: the sequence that it is in. */
  #sequenceOf(by: Grouping, scene: string): string | undefined {
    if (by !== 'scene') return undefined
    return [...this.#shots.sequences.peek().values()].find((q) => q.references.some((r) => r.source === scene))?.id
  }

  /** Somebody else may take the same number at the same time: then the next one. */
  async #create(before: string | null, row: readonly string[], shot: Omit<NewShot, 'id' | 'name'>): Promise<string> {
    const taken = new Set(this.#shots.shots().map((one) => one.id))
    for (let attempt = 1; ; attempt++) {
      const id = nextId(before, row, taken)
      try {
        await this.#ports.create({ id, name: id, ...shot })
        return id
      } catch (error) {
        if (!isTaken(error) || attempt === ATTEMPTS) throw error
        taken.add(id)
      }
    }
  }
}

type Source = NewShot['references'][number]

const of = (from: Resolved | undefined, kind: string): Source[] => (from?.references ?? []).filter((r) => r.kind === kind).map(({ source, role }) => ({ source, role }))
const first = (...lists: Source[][]): Source[] => lists.find((list) => list.length > 0) ?? []

/**
 * What a new shot starts with. In a scene: who is in it and where it plays; else where the shot before
 * plays. The look is that of the shot before.
 */
export function inherited(scene: Resolved | undefined, neighbour: Resolved | undefined, model: Resolved | undefined): Pick<NewShot, 'fields' | 'references'> {
  const references = [
    ...of(scene, 'character'),
    ...first(of(scene, 'location'), of(neighbour, 'location')),
    ...first(of(neighbour, 'style'), of(scene, 'style'), of(model, 'style')),
  ]
  const time = scene?.fields['time_of_day'] ?? neighbour?.fields['time_of_day']
  const fields: Fields = typeof time === 'string' && time !== '' ? { time_of_day: time } : {}
  return { fields, references }
}
