/** The rules of a project while somebody looks at them: read, kept as others change them, ordered. */
import { signal } from '@preact/signals'
import type { Rule, SentRule } from '../api/rules.ts'
import { same } from './overlay.ts'

export interface RulePorts {
  read(): Promise<Rule[]>
  add(rule: SentRule): Promise<Rule>
  put(id: string, rule: SentRule): Promise<Rule>
  remove(id: string): Promise<Rule>
}

/** What is sent of a rule that is there. */
export function sent(rule: Rule): SentRule {
  const plain: SentRule = Object.assign({}, rule)
  delete plain.position
  return plain
}

/** A list with one rule moved to a place in it. */
export function moved(rules: readonly Rule[], id: string, to: number): Rule[] {
  const rule = rules.find((one) => one.id === id)
  if (rule === undefined) return [...rules]
  const rest = rules.filter((one) => one !== rule)
  rest.splice(Math.max(0, Math.min(rest.length, to)), 0, rule)
  return rest.map((one, position) => (one.position === position ? one : Object.assign({}, one, { position })))
}

export class Rules {
  readonly items = signal<readonly Rule[] | null>(null)
  readonly error = signal<unknown>(null)
  /** How often each was changed by somebody else in front of us. */
  readonly washes = signal<ReadonlyMap<string, number>>(new Map())
  readonly #ports: RulePorts
  #watched = 0
  #turn = 0
  /** Changes go one after the other: each is of what the one before it left. */
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(ports: RulePorts) {
    this.#ports = ports
  }

  /** They are on screen until the answer is called. */
  watch(): () => void {
    this.#watched += 1
    void this.load()
    return () => {
      this.#watched -= 1
    }
  }

  /** Somebody changed some, or their order. */
  stir(): void {
    if (this.#watched > 0) void this.load()
  }

  async load(): Promise<void> {
    const turn = ++this.#turn
    try {
      const found = await this.#ports.read()
      // What is on its way was asked later than this was read.
      if (turn === this.#turn && this.#waiting === 0) this.#take(found)
    } catch (error) {
      if (turn === this.#turn) this.error.value = error
    }
  }

  /** Moves one, here at once. */
  move(id: string, to: number): Promise<boolean> {
    return this.#change(id, (rule) => Object.assign(sent(rule), { position: to }), (rules) => moved(rules, id, to))
  }

  switch(id: string, enabled: boolean): Promise<boolean> {
    return this.#change(id, (rule) => Object.assign(sent(rule), { enabled }), (rules) => rules.map((one) => (one.id === id ? Object.assign({}, one, { enabled }) : one)))
  }

  /** Saves one as it was edited, or as a new one; rejects where the server refuses it. */
  save(id: string | null, rule: SentRule): Promise<Rule> {
    const exists = id !== null && this.items.peek()?.some((one) => one.id === id) === true
    return this.#queue(() => (exists ? this.#ports.put(id, rule) : this.#ports.add(rule)))
  }

  remove(id: string): Promise<Rule> {
    return this.#queue(() => this.#ports.remove(id))
  }

  async #change(id: string, body: (rule: Rule) => SentRule, here: (rules: readonly Rule[]) => Rule[]): Promise<boolean> {
    const rules = this.items.peek()
    const rule = rules?.find((one) => one.id === id)
    if (rules === null || rule === undefined) return false
    this.items.value = here(rules)
    await this.#queue(() => this.#ports.put(id, body(rule)))
    return true
  }

  async #queue<T>(ask: () => Promise<T>): Promise<T> {
    this.#waiting += 1
    const mine = this.#last.then(ask, ask)
    this.#last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      this.#waiting -= 1
      if (this.#waiting === 0) await this.load()
    }
  }

  #take(found: Rule[]): void {
    const before = new Map(this.items.peek()?.map((one) => [one.id, one]))
    const fresh = before.size === 0 ? [] : found.filter((one) => !sameRule(before.get(one.id), one))
    if (fresh.length > 0) this.washes.value = new Map([...this.washes.peek(), ...fresh.map((one) => [one.id, (this.washes.peek().get(one.id) ?? 0) + 1] as const)])
    this.items.value = found
    this.error.value = null
  }
}

const KEYS = ['id', 'name', 'verdict', 'change_classes', 'source_kinds', 'target_kinds', 'target_statuses', 'fields', 'roles', 'affected_over', 'author_roles', 'enabled', 'phase'] as const

/** The same but for where it stands. */
export function sameRule(a: Rule | undefined, b: Rule | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return KEYS.every((key) => same(a[key], b[key]))
}
