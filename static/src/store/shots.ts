/** The loaded shots, each in a signal of its own, painted at most once per animation frame. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Fields, Resolved } from '../types.ts'
import { type Grouping, grouping } from '../ui/preferences.ts'
import { leadingPerFrame } from './frames.ts'
import { type Group, group, settle } from './groups.ts'
import { sourcesOf, withOverlays } from './overlay.ts'
import { type Seat, type Seats, seatsBy } from './seats.ts'

export interface Panel {
  /** What to draw: published state with the drafts that it follows laid over. */
  shot: Resolved
  /** What is published. */
  base: Resolved
  previews: readonly string[]
  /** Counts the washes, so that each is shown once. */
  wash: number
  /** How it looked before its last visible change, if that was seen here and nobody has looked away since. */
  before?: Resolved
}

/** Seats that are on their way to the server. */
export interface Move {
  by: Grouping
  seats: ReadonlyMap<string, Seat | null>
}

function put(seats: Map<string, Seat>, id: string, seat: Seat | null): void {
  if (seat === null) seats.delete(id)
  else seats.set(id, seat)
}

/** More changed panels than this at once wash their group's header instead. */
const MANY = 50

/** Milliseconds of a frame for panels that nobody sees. */
const BUDGET = 4

export interface Usage {
  total: number
  follow: number
  approved: number
  pinned: number
  final: number
}

const withAll = (known: ReadonlyMap<string, Resolved>, fresh: readonly Resolved[]) => new Map([...known, ...fresh.map((item): [string, Resolved] => [item.id, item])])

export class ShotStore {
  readonly groups: ReadonlySignal<readonly Group[]>
  readonly groupWash = signal<ReadonlyMap<string, number>>(new Map())
  readonly sequences = signal<ReadonlyMap<string, Resolved>>(new Map())
  readonly scenes = signal<ReadonlyMap<string, Resolved>>(new Map())
  readonly size: ReadonlySignal<number>
  /** Counts what came in: for whoever looks at many shots at once, now and then. */
  readonly revision = signal(0)
  /** What is published, as last heard; the cells follow with the paint. */
  readonly #bases = new Map<string, Resolved>()
  readonly #cells = new Map<string, Signal<Panel>>()
  readonly #bySource = new Map<string, Set<string>>()
  readonly #overlays = new Map<string, Fields>()
  readonly #generation = new Map<string, number>()
  readonly #structure = signal(0)
  readonly #moving = signal<readonly Move[]>([])
  readonly #before = new Map<string, Resolved>()
  readonly #dirty = new Set<string>()
  readonly #washed = new Set<string>()
  readonly #paintSoon = leadingPerFrame(() => this.#paint())
  #groups: readonly Group[] = []
  #visible: ReadonlySet<string> = new Set()

  constructor() {
    this.groups = computed(() => {
      void this.#structure.value
      const by = grouping.value
      this.#groups = settle(this.#groups, group(this.#bases.values(), this.sequences.value, this.scenes.value, by, this.seats(by)))
      return this.#groups
    })
    this.size = computed(() => (void this.#structure.value, this.#bases.size))
  }

  panel(id: string): Signal<Panel> | undefined {
    return this.#cells.get(id)
  }

  /** What is published of a shot, as last heard. */
  base(id: string): Resolved | undefined {
    return this.#bases.get(id)
  }

  isShot(id: string): boolean {
    return this.#bases.has(id)
  }

  has(id: string): boolean {
    return this.#bases.has(id) || this.sequences.peek().has(id) || this.scenes.peek().has(id)
  }

  shots(): Resolved[] {
    return [...this.#bases.values()]
  }

  /** Where the shots sit, as published; shown are they with what is on its way laid over. */
  seats(by: Grouping, published = false): Seats {
    const seats = seatsBy(by, this.sequences.value, this.scenes.value)
    if (published) return seats
    for (const move of this.#moving.value) if (move.by === by) for (const [id, seat] of move.seats) put(seats, id, seat)
    return seats
  }

  /** The shots of a group of either grouping, in order. */
  rowOf(by: Grouping, id: string): readonly string[] {
    return group(this.#bases.values(), this.sequences.peek(), this.scenes.peek(), by, this.seats(by)).find((g) => g.id === id)?.shots ?? []
  }

  /** Shows shots in seats that the server has yet to confirm; a shot has one seat, so none is shown twice. */
  seat(move: Move): void {
    this.#moving.value = [...this.#moving.peek(), move]
  }

  /** A move has arrived, or failed: the published seat counts again, or that of a later move. */
  settle(move: Move): void {
    this.#moving.value = this.#moving.peek().filter((one) => one !== move)
  }

  /** What was there before is of no interest any more: of one shot, or of all. */
  forgetBefore(id?: string): void {
    for (const one of id === undefined ? [...this.#before.keys()] : [id]) if (this.#before.delete(one)) this.#dirty.add(one)
    if (this.#dirty.size > 0) this.#paintSoon()
  }

  /** What is on screen: painted and fetched before all else. */
  see(ids: readonly string[]): void {
    this.#visible = new Set(ids)
  }

  sees(id: string): boolean {
    return this.#visible.has(id)
  }

  /**
   * Takes fresh states in; what changed to the eye washes, unless it was not there before. What changed
   * while nobody could see it (`witnessed` is false) has no before.
   */
  put(items: readonly Resolved[], witnessed = true): void {
    batch(() => {
      const sequences = items.filter((item) => item.kind === 'sequence')
      const scenes = items.filter((item) => item.kind === 'scene')
      if (sequences.length > 0) this.sequences.value = withAll(this.sequences.peek(), sequences)
      if (scenes.length > 0) this.scenes.value = withAll(this.scenes.peek(), scenes)
      for (const item of items) if (item.kind !== 'sequence' && item.kind !== 'scene') this.#putShot(item, witnessed)
      this.revision.value += 1
    })
    this.#paintSoon()
  }

  /** Forgets what is not in `ids` any more (a fresh snapshot was taken). */
  keepOnly(ids: ReadonlySet<string>): void {
    this.remove([...this.#cells.keys()].filter((id) => !ids.has(id)))
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) {
      const base = this.#bases.get(id)
      if (base !== undefined) this.#unindex(base)
      this.#bases.delete(id)
      this.#cells.delete(id)
      this.#before.delete(id)
      for (const map of [this.sequences, this.scenes]) {
        if (!map.peek().has(id)) continue
        const left = new Map(map.peek())
        left.delete(id)
        map.value = left
      }
    }
    if (ids.length === 0) return
    this.#structure.value += 1
    this.revision.value += 1
  }

  /** Replaces the preview of one source; an empty one takes it away. */
  overlay(source: string, values: Fields): void {
    if (Object.keys(values).length === 0) this.#overlays.delete(source)
    else this.#overlays.set(source, values)
    this.#generation.set(source, this.generation(source) + 1)
    for (const id of this.#bySource.get(source) ?? []) this.#dirty.add(id)
    this.#paintSoon()
  }

  mergeOverlay(source: string, values: Fields): void {
    this.overlay(source, { ...this.#overlays.get(source), ...values })
  }

  generation(source: string): number {
    return this.#generation.get(source) ?? 0
  }

  clearOverlays(): void {
    for (const source of this.#overlays.keys()) this.overlay(source, {})
  }

  /** The loaded shots that are built on a source, however deep. */
  usersOf(source: string): readonly string[] {
    return [...(this.#bySource.get(source) ?? [])]
  }

  /** How the loaded shots use a source, and with which policies on the way to it. */
  usage(source: string): Usage {
    const usage: Usage = { total: 0, follow: 0, approved: 0, pinned: 0, final: 0 }
    for (const id of this.#bySource.get(source) ?? []) {
      if (id === source) continue
      const shot = this.#bases.get(id)
      if (shot === undefined) continue
      usage.total += 1
      const direct = shot.references.find((r) => r.source === source) ?? shot.references.find((r) => r.references?.some((n) => n.source === source))
      if (shot.status === 'final') usage.final += 1
      else if (direct?.policy === 'pinned') usage.pinned += 1
      else if (direct?.policy === 'approved') usage.approved += 1
      else usage.follow += 1
    }
    return usage
  }

  #putShot(item: Resolved, witnessed: boolean): void {
    const before = this.#bases.get(item.id)
    this.#bases.set(item.id, item)
    if (before === undefined) {
      this.#cells.set(item.id, signal({ shot: item, base: item, previews: [], wash: 0 }))
      this.#structure.value += 1
    } else {
      this.#unindex(before)
      if (before.hash !== item.hash) this.#washed.add(item.id)
      const looksOther = before.visual_hash !== item.visual_hash || before.picture?.id !== item.picture?.id
      if (looksOther && witnessed) this.#before.set(item.id, before)
      else if (looksOther) this.#before.delete(item.id)
      if (before.fields['duration'] !== item.fields['duration']) this.#structure.value += 1
    }
    for (const source of sourcesOf(item)) {
      const users = this.#bySource.get(source)
      if (users === undefined) this.#bySource.set(source, new Set([item.id]))
      else users.add(item.id)
    }
    this.#dirty.add(item.id)
  }

  #unindex(shot: Resolved): void {
    for (const source of sourcesOf(shot)) this.#bySource.get(source)?.delete(shot.id)
  }

  /** What is on screen is painted in this frame; the rest follows as far as there is time. */
  #paint(): void {
    const many = this.#washed.size > MANY
    if (many) this.#washGroups(this.#washed)
    batch(() => {
      for (const id of this.#dirty) if (this.#visible.has(id)) this.#paintOne(id, many)
      const until = performance.now() + BUDGET
      for (const id of this.#dirty) {
        this.#paintOne(id, many)
        if (performance.now() > until) break
      }
    })
    if (many) this.#washed.clear()
    if (this.#dirty.size > 0) this.#paintSoon()
  }

  #paintOne(id: string, many: boolean): void {
    this.#dirty.delete(id)
    const [cell, base] = [this.#cells.get(id), this.#bases.get(id)]
    if (cell === undefined || base === undefined) return
    const { wash } = cell.peek()
    const washes = !many && this.#washed.delete(id)
    const before = this.#before.get(id)
    cell.value = { base, ...withOverlays(base, this.#overlays), wash: washes ? wash + 1 : wash, ...(before === undefined ? {} : { before }) }
  }

  #washGroups(washed: ReadonlySet<string>): void {
    const next = new Map(this.groupWash.peek())
    for (const g of this.groups.peek()) if (g.shots.some((id) => washed.has(id))) next.set(g.id, (next.get(g.id) ?? 0) + 1)
    this.groupWash.value = next
  }
}
