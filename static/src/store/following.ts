/** Going where somebody else goes, until one goes a way of one's own. */
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals'
import type { Person } from '../types.ts'
import type { Place, Route, View } from '../ui/router.ts'

export interface Ports {
  route: ReadonlySignal<Route>
  /** Where `replace`, going back leads to where one was before, and not over every stop of theirs. */
  go(to: Place, replace: boolean): void
  nameOf(id: string): string
}

const VIEWS: { [view in View]: string } = { storyboard: 'the storyboard', breakdown: 'the breakdown', approvals: 'the approvals', conflicts: 'the conflicts', rules: 'the rules' }

const viewOf = (view: string | null): View | null => (view !== null && Object.hasOwn(VIEWS, view) ? (view as View) : null)

/** "has Coat open in the storyboard" */
export function whereabouts({ view, entity }: Pick<Person, 'view' | 'entity'>, nameOf: (id: string) => string): string {
  const at = viewOf(view)
  if (entity !== null) return `has ${nameOf(entity)} open${at === null ? '' : ` in ${VIEWS[at]}`}`
  return at === null ? 'is here' : `is in ${VIEWS[at]}`
}

export class Following {
  /** Who is followed. */
  readonly user = signal<string | null>(null)
  /** What to call them; stays while they are away. */
  readonly name = signal('')
  readonly colour = signal('')
  /** The window of theirs that is followed; null while they are not here. */
  readonly person: ReadonlySignal<Person | null>
  /** What somebody hears who cannot see it. */
  readonly said = signal('')
  readonly #ports: Ports
  readonly #people: ReadonlySignal<readonly Person[]>
  readonly #session = signal<string | null>(null)
  readonly #stops: (() => void)[]
  #before: readonly Person[] = []
  /** Where following has brought us; null before the first step. */
  #at: Route | null = null
  #moving = false

  constructor(people: ReadonlySignal<readonly Person[]>, ports: Ports) {
    this.#people = people
    this.#ports = ports
    this.person = computed(() => people.value.find((p) => p.user === this.user.value && p.session === this.#session.value) ?? null)
    this.#stops = [
      effect(() => this.#keepUp(people.value)),
      effect(() => this.#notice(ports.route.value)),
    ]
  }

  /** Begins, or stops where it is this person already. */
  toggle(user: string): void {
    if (this.user.peek() === user) this.stop()
    else this.start(user)
  }

  start(user: string): void {
    const person = this.#people.peek().findLast((p) => p.user === user)
    if (person === undefined) return
    this.#at = null
    this.#session.value = person.session
    this.name.value = person.name || user
    this.colour.value = person.colour
    this.user.value = user
    this.#go(person)
    this.#say(`Following ${this.name.peek()}, who ${whereabouts(person, this.#ports.nameOf)}. Escape stops.`)
  }

  stop(): void {
    if (this.user.peek() === null) return
    this.user.value = null
    this.#session.value = null
    this.#say(`No longer following ${this.name.peek()}.`)
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }

  #say(words: string): void {
    this.said.value = words
  }

  /** Of several windows of one person the one counts in which something happened last. */
  #keepUp(people: readonly Person[]): void {
    const before = this.#before
    this.#before = people
    const user = this.user.peek()
    if (user === null) return
    const theirs = people.filter((p) => p.user === user)
    const moved = theirs.find((p) => before.some((b) => b.session === p.session && (b.view !== p.view || b.entity !== p.entity)))
    const same = theirs.find((p) => p.session === this.#session.peek())
    const now = moved ?? same ?? theirs.at(-1)
    if (now === undefined) {
      if (before.some((p) => p.user === user)) this.#say(`${this.name.peek()} is away.`)
      return
    }
    this.#session.value = now.session
    if (this.#go(now)) this.#say(`${this.name.peek()} ${whereabouts(now, this.#ports.nameOf)}.`)
  }

  /** Goes there; false where one is there already. */
  #go(person: Person): boolean {
    const here = this.#ports.route.peek()
    const view = viewOf(person.view) ?? here.view
    const first = this.#at === null
    const moves = here.view !== view || here.entity !== person.entity
    this.#moving = true
    if (moves) this.#ports.go({ view, entity: person.entity }, !first)
    this.#moving = false
    this.#at = this.#ports.route.peek()
    return moves
  }

  /** A step of one's own ends it. */
  #notice(now: Route): void {
    const at = this.#at
    if (this.#moving || at === null || this.user.peek() === null) return
    if (now.project !== at.project || now.view !== at.view || now.entity !== at.entity) this.stop()
  }
}
