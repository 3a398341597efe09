/** What two people wanted and cannot both stand: what waits for a choice, and what was settled by itself. */
import { batch, computed, type ReadonlySignal, signal } from '@preact/signals'
import type { Choice, Conflict, ConflictPage } from '../api/conflicts.ts'
import type { Json } from '../types.ts'

export interface ConflictPorts {
  read(status: 'open' | 'resolved', limit: number, cursor: string | null): Promise<ConflictPage>
  resolve(id: string, choice: Choice, value?: Json): Promise<unknown>
  failed(error: unknown): void
}

/** `open` waits for somebody; `settled` was settled without anybody, and can be settled otherwise. */
export type Part = 'open' | 'settled'

/** As many as are shown at first, and with each "more". */
const PAGE = 100
/** As many as are read again at once. */
const MOST = 500
/** Batches of a run tell of theirs one after the other; they are read together. */
const GATHER = 60

export class Conflicts {
  /** How many wait in the whole project. */
  readonly open = signal(0)
  readonly part = signal<Part>('open')
  readonly items: ReadonlySignal<readonly Conflict[] | null>
  readonly more = signal<string | null>(null)
  readonly error = signal<unknown>(null)
  /** These are being settled. */
  readonly busy = signal<ReadonlySet<string>>(new Set())
  readonly #all = signal<readonly Conflict[] | null>(null)
  readonly #ports: ConflictPorts
  #watched = 0
  #timer: ReturnType<typeof setTimeout> | null = null
  #turn = 0

  constructor(ports: ConflictPorts) {
    this.#ports = ports
    this.items = computed(() => this.#all.value?.filter((one) => this.part.value === 'open' || one.automatic) ?? null)
  }

  /** They are on screen until the answer is called: so all of them are kept, not only their number. */
  watch(): () => void {
    this.#watched += 1
    void this.load()
    return () => {
      this.#watched -= 1
    }
  }

  show(part: Part): void {
    if (part === this.part.peek()) return
    batch(() => {
      this.part.value = part
      this.#all.value = null
      this.more.value = null
    })
    void this.load()
  }

  /** Some were found, or settled. */
  stir(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      void this.load()
    }, GATHER)
  }

  stop(): void {
    this.#turn += 1
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  async load(): Promise<void> {
    const turn = ++this.#turn
    const seen = this.#watched > 0
    const limit = seen ? Math.min(MOST, Math.max(PAGE, this.#all.peek()?.length ?? 0)) : 1
    try {
      const page = await this.#ports.read(seen && this.part.peek() === 'settled' ? 'resolved' : 'open', limit, null)
      if (turn === this.#turn) this.#take(page, seen ? page.items : null)
    } catch (error) {
      if (turn === this.#turn && seen) this.error.value = error
    }
  }

  async loadMore(): Promise<void> {
    const cursor = this.more.peek()
    if (cursor === null) return
    const turn = ++this.#turn
    const page = await this.#ports.read(this.part.peek() === 'settled' ? 'resolved' : 'open', PAGE, cursor)
    if (turn !== this.#turn) return
    const known = new Set(page.items.map((item) => item.id))
    this.#take(page, [...(this.#all.peek() ?? []).filter((item) => !known.has(item.id)), ...page.items])
  }

  /** True where it was done; what is settled goes from the list at once. */
  async resolve(one: Conflict, choice: Choice, value?: Json): Promise<boolean> {
    if (this.busy.peek().has(one.id)) return false
    this.busy.value = new Set([...this.busy.peek(), one.id])
    try {
      await this.#ports.resolve(one.id, choice, value)
      batch(() => {
        const left = this.#all.peek()?.filter((item) => item.id !== one.id) ?? null
        if (one.status === 'open' && left?.length !== this.#all.peek()?.length) this.open.value = Math.max(0, this.open.peek() - 1)
        this.#all.value = left
      })
      return true
    } catch (error) {
      this.#ports.failed(error)
      return false
    } finally {
      const left = new Set(this.busy.peek())
      left.delete(one.id)
      this.busy.value = left
      this.stir()
    }
  }

  #take(page: ConflictPage, items: readonly Conflict[] | null): void {
    batch(() => {
      this.open.value = page.open
      if (items === null) return
      this.#all.value = items
      this.more.value = page.next_cursor
      this.error.value = null
    })
  }
}
