/** The breakdown of one project: what of it is shown, what is folded away, what is selected. */
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals'
import { shownPart } from '../ui/query.ts'
import { narrow } from '../ui/router.ts'
import { applyFilter, EVERYTHING, type Filter, narrows, readFilter, writeFilter } from './filtering.ts'
import { type Group, settle } from './groups.ts'
import type { OpenProject } from './open-project.ts'
import { Selection } from './selection.ts'
import { settleTally, tally, type Tally } from './tally.ts'

/** Milliseconds between two looks at all shots while they change. */
const LOOK = 400

export class Breakdown {
  readonly filter: ReadonlySignal<Filter>
  readonly shown: ReadonlySignal<readonly Group[]>
  readonly matched: ReadonlySignal<number>
  readonly tally: ReadonlySignal<Tally>
  readonly folded = signal<ReadonlySet<string>>(new Set())
  readonly selection = new Selection()
  /** Shots change up to hundreds of times a second; what is counted over all of them follows at this pace. */
  readonly #pace = signal(0)
  readonly #project: OpenProject
  #shown: readonly Group[] = []
  #tally: Tally = { all: new Map(), groups: new Map() }

  constructor(project: OpenProject) {
    this.#project = project
    const baseOf = (id: string) => project.shots.base(id)
    this.filter = computed(() => readFilter(shownPart.value))
    this.shown = computed(() => {
      const [groups, filter] = [project.shots.groups.value, this.filter.value]
      if (!narrows(filter) && filter.sort === 'order') return (this.#shown = groups)
      void this.#pace.value
      this.#shown = settle(this.#shown, applyFilter(groups, filter, baseOf, project.statuses.value))
      return this.#shown
    })
    this.matched = computed(() => this.shown.value.reduce((sum, group) => sum + group.shots.length, 0))
    this.tally = computed(() => {
      void this.#pace.value
      this.#tally = settleTally(this.#tally, tally(this.shown.value, baseOf))
      return this.#tally
    })
  }

  /** Follows the shots for as long as somebody looks; answers how to stop. */
  follow(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = effect(() => {
      void this.#project.shots.revision.value
      timer ??= setTimeout(() => {
        timer = undefined
        this.#pace.value += 1
        if (this.selection.ids.peek().size > 0) this.selection.keep(new Set(this.#project.shots.groups.peek().flatMap((group) => group.shots)))
      }, LOOK)
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }

  narrow(to: Partial<Filter>): void {
    narrow(writeFilter({ ...this.filter.peek(), ...to }), to.words !== undefined)
  }

  clear(): void {
    narrow(writeFilter({ ...EVERYTHING, sort: this.filter.peek().sort, down: this.filter.peek().down }))
  }

  fold(group: string, away: boolean): void {
    const next = new Set(this.folded.peek())
    if (away) next.add(group)
    else next.delete(group)
    this.folded.value = next
  }
}

const known = new WeakMap<OpenProject, Breakdown>()

/** The one breakdown of an open project: what was selected is so still when one comes back to it. */
export function breakdownOf(project: OpenProject): Breakdown {
  const found = known.get(project) ?? new Breakdown(project)
  known.set(project, found)
  return found
}
