/** Fetches what changed: wanted ids gather for a frame, go out in bulk, and are never asked twice at once. */
import { BULK } from '../api/endpoints.ts'
import type { Resolved } from '../types.ts'
import { oncePerFrame } from './frames.ts'

export interface RefresherPorts {
  fetch(ids: readonly string[]): Promise<Resolved[]>
  /** `gone` are wanted ids that the answer does not have. */
  apply(items: readonly Resolved[], gone: readonly string[]): void
  failed(error: unknown): void
  /** On screen: fetched at once. The rest waits until things calm down, as a drag changes it many times. */
  urgent(id: string): boolean
}

const RETRY = 2_000
const CALM = 350
/** How long what is off screen waits at most. */
const LONGEST = 2_500

export class Refresher {
  readonly #ports: RefresherPorts
  #wanted = new Set<string>()
  #running = false
  #stopped = false
  #idle: (() => void)[] = []
  #calm: ReturnType<typeof setTimeout> | undefined
  /** Since when something waits off screen; 0 for nothing. */
  #since = 0
  #ripe = false
  readonly #soon = oncePerFrame(() => void this.#run())

  constructor(ports: RefresherPorts) {
    this.#ports = ports
  }

  want(ids: Iterable<string>): void {
    for (const id of ids) this.#wanted.add(id)
    this.nudge()
  }

  /** Something else is on screen now: what of it is wanted has become urgent. */
  nudge(): void {
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
    clearTimeout(this.#calm)
  }

  /** The next ids to fetch; none while what is wanted is off screen and things still move. */
  #next(): string[] {
    const wanted = [...this.#wanted]
    const urgent = wanted.filter((id) => this.#ports.urgent(id))
    if (urgent.length > 0) return urgent.slice(0, BULK)
    const now = Date.now()
    if (this.#since === 0) this.#since = now
    const patience = Math.min(CALM, this.#since + LONGEST - now)
    if (this.#ripe || patience <= 0) {
      this.#ripe = wanted.length > BULK
      this.#since = 0
      return wanted.slice(0, BULK)
    }
    clearTimeout(this.#calm)
    this.#calm = setTimeout(() => {
      this.#ripe = true
      this.#soon()
    }, patience)
    return []
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      while (this.#wanted.size > 0 && !this.#stopped) {
        const ids = this.#next()
        if (ids.length === 0) return
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
