/** What rules would have done to the last changes: asked again while one of them is edited. */
import { batch, signal } from '@preact/signals'
import type { RunSummary, SentRule, Trial } from '../../api/rules.ts'

export interface TestPorts {
  recent(): Promise<RunSummary[]>
  test(run: string, rule: SentRule | null, limit: number): Promise<Trial>
}

export interface Tested {
  run: RunSummary
  /** Null until it was asked. */
  trial: Trial | null
}

/** So many of the last changes are tried. */
export const LAST = 8
/** So many references of each are told, those first that differ. */
const TOLD = 40
/** What is typed comes to rest first. */
const REST = 300

export class LiveTest {
  readonly rows = signal<readonly Tested[] | null>(null)
  readonly error = signal<unknown>(null)
  /** What is shown is of what was there before. */
  readonly busy = signal(false)
  readonly #ports: TestPorts
  #turn = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #asked: SentRule | null = null

  constructor(ports: TestPorts) {
    this.#ports = ports
  }

  /** Read which changes were the last, and try on them what was tried before. */
  async load(): Promise<void> {
    try {
      const runs = (await this.#ports.recent()).filter((run) => run.total > 0 && run.asset_ids.length > 0).slice(0, LAST)
      const known = new Map(this.rows.peek()?.map((row) => [row.run.id, row.trial]))
      this.rows.value = runs.map((run) => ({ run, trial: known.get(run.id) ?? null }))
      this.#begin(0)
    } catch (error) {
      this.error.value = error
    }
  }

  /** Try these rules, once nothing else was asked for a moment; `null`: as they are. */
  ask(rule: SentRule | null): void {
    this.#asked = rule
    this.#begin(REST)
  }

  stop(): void {
    this.#turn += 1
    clearTimeout(this.#timer)
  }

  #begin(rest: number): void {
    this.stop()
    if (this.rows.peek() === null) return
    this.busy.value = true
    this.#timer = setTimeout(() => void this.#try(this.#turn), rest)
  }

  /** One after the other, so that the server has its hands free; what was asked since ends it. */
  async #try(turn: number): Promise<void> {
    const rule = this.#asked
    for (const { run } of this.rows.peek() ?? []) {
      try {
        const trial = await this.#ports.test(run.id, rule, TOLD)
        if (turn !== this.#turn) return
        batch(() => {
          this.rows.value = (this.rows.peek() ?? []).map((row) => (row.run.id === run.id ? { run, trial } : row))
          this.error.value = null
        })
      } catch (error) {
        if (turn !== this.#turn) return
        batch(() => {
          this.error.value = error
          this.busy.value = false
        })
        return
      }
    }
    if (turn === this.#turn) this.busy.value = false
  }
}
