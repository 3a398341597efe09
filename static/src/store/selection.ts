/** What is selected, in the manner of lists everywhere: one, one more, from here to there, all. */
import { signal } from '@preact/signals'

/** From one to the other, both included, whichever comes first; just the latter where the former is not there. */
export function between(order: readonly string[], from: string | null, to: string): readonly string[] {
  const [a, b] = [from === null ? -1 : order.indexOf(from), order.indexOf(to)]
  if (b < 0) return []
  return a < 0 ? [to] : order.slice(Math.min(a, b), Math.max(a, b) + 1)
}

export class Selection {
  readonly ids = signal<ReadonlySet<string>>(new Set())
  /** Where a range begins. */
  #anchor: string | null = null

  has(id: string): boolean {
    return this.ids.peek().has(id)
  }

  only(id: string): void {
    this.#anchor = id
    this.#set([id])
  }

  toggle(id: string): void {
    this.#anchor = id
    const ids = new Set(this.ids.peek())
    if (!ids.delete(id)) ids.add(id)
    this.#set(ids)
  }

  /** From the anchor to `to`; with `more`, besides what is selected already. */
  extend(order: readonly string[], to: string, more = false): void {
    if (this.#anchor === null || !order.includes(this.#anchor)) this.#anchor = to
    this.#set([...(more ? this.ids.peek() : []), ...between(order, this.#anchor, to)])
  }

  /** All of these, or, where all of them are selected, none of them. */
  toggleAll(ids: readonly string[]): void {
    const selected = new Set(this.ids.peek())
    const whole = ids.every((id) => selected.has(id))
    for (const id of ids) {
      if (whole) selected.delete(id)
      else selected.add(id)
    }
    this.#set(selected)
  }

  all(ids: Iterable<string>): void {
    this.#set(ids)
  }

  /** Lets go of what is not there any more. */
  keep(known: ReadonlySet<string>): void {
    const ids = this.ids.peek()
    const left = [...ids].filter((id) => known.has(id))
    if (left.length !== ids.size) this.#set(left)
  }

  clear(): void {
    this.#anchor = null
    this.#set([])
  }

  #set(ids: Iterable<string>): void {
    const next = new Set(ids)
    const now = this.ids.peek()
    if (next.size !== now.size || [...next].some((id) => !now.has(id))) this.ids.value = next
  }
}
