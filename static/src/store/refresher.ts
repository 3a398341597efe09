/** Fetches what changed: wanted ids gather for a frame, go out in bulk, and are never asked twice at once. */
import { BULK } from '../api/endpoints.ts'
import type { Resolved } from '../types.ts'
import { oncePerFrame } from './frames.ts'

export interface RefresherPorts {
  fetch(ids: readonly string[]): Promise<Resolved[]>
  /** `gone` are wanted ids that the answer does not have. */
  apply(items: readonly Resolved[], gone: readonly string[]): void
  failed(error: unknown): void
}

const RETRY = 2_000

export class Refresher {
  readonly #ports: RefresherPorts
  #wanted = new Set<string>()
  #running = false
  #stopped = false
  #idle: (() => void)[] = []
  readonly #soon = oncePerFrame(() => void this.#run())

  constructor(ports: RefresherPorts) {
    this.#ports = ports
  }

  want(ids: Iterable<string>): void {
    for (const id of ids) this.#wanted.add(id)
    if (this.#wanted.size > 0) this.#soon()
  }

  /** Runs `then` once everything wanted so far has been taken in; at once when nothing is. */
  whenIdle(then: () => void): void {
    if (this.#wanted.size === 0 && !this.#running) then()
    else this.#idle.push(then)
  }

  stop(): void {
    this.#stopped = true
    this.#wanted.clear()
    this.#idle = []
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      while (this.#wanted.size > 0 && !this.#stopped) {
        const ids = [...this.#wanted].slice(0, BULK)
        for (const id of ids) this.#wanted.delete(id)
        try {
          const items = await this.#ports.fetch(ids)
          const found = new Set(items.map((i) => i.id))
          if (!this.#stopped) this.#ports.apply(items, ids.filter((id) => !found.has(id)))
        } catch (error) {
          for (const id of ids) this.#wanted.add(id)
          this.#ports.failed(error)
          setTimeout(this.#soon, RETRY)
          return
        }
      }
      for (const then of this.#idle.splice(0)) then()
    } finally {
      this.#running = false
    }
  }
}
