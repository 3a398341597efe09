/** What waits for a yes or a no: the newest page of it, how much there is, and deciding it. */
import { batch, signal } from '@preact/signals'
import type { Approval, ApprovalGroup, ApprovalPage, Decision } from '../types.ts'

export interface ApprovalPorts {
  read(limit: number, cursor: string | null): Promise<ApprovalPage>
  readOne(id: string): Promise<Approval>
  decide(ids: readonly string[], decision: Decision, planHash: string, comment: string): Promise<unknown>
  failed(error: unknown): void
}

/** As many as are shown at first, and with each "more". */
const PAGE = 100
/** As many as are read at once to decide a whole group. */
const MOST = 500
/** As many as are decided in one step; of more, those that follow are decided after it. */
const STEP = 1_000
/** Batches of a run tell of theirs one after the other; they are read together. */
const GATHER = 60

/** Names several approvals as they were shown: the sum of their hashes modulo 2²⁵⁶. */
export function planHashOf(items: readonly Pick<Approval, 'plan_hash'>[]): string {
  const sum = items.reduce((total, item) => total + BigInt(`0x${item.plan_hash}`), 0n)
  return BigInt.asUintN(256, sum).toString(16).padStart(64, '0')
}

export class Approvals {
  /** How many wait in the whole project. */
  readonly open = signal(0)
  readonly items = signal<readonly Approval[] | null>(null)
  readonly groups = signal<readonly ApprovalGroup[]>([])
  readonly more = signal<string | null>(null)
  readonly error = signal<unknown>(null)
  /** These are being decided. */
  readonly busy = signal<ReadonlySet<string>>(new Set())
  readonly #ports: ApprovalPorts
  readonly #whole = new Map<string, Promise<Approval>>()
  #watched = 0
  #timer: ReturnType<typeof setTimeout> | null = null
  #turn = 0

  constructor(ports: ApprovalPorts) {
    this.#ports = ports
  }

  /** They are on screen until the answer is called: so all of them are kept, not only their number. */
  watch(): () => void {
    this.#watched += 1
    void this.load()
    return () => {
      this.#watched -= 1
    }
  }

  /** Something was asked or decided. */
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
    const shown = this.items.peek()?.length ?? 0
    try {
      const page = await this.#ports.read(this.#watched === 0 ? 1 : Math.min(MOST, Math.max(PAGE, shown)), null)
      if (turn !== this.#turn) return
      this.#take(page, this.#watched === 0 ? null : page.items)
    } catch (error) {
      if (turn === this.#turn && this.#watched > 0) this.error.value = error
    }
  }

  async loadMore(limit = PAGE): Promise<void> {
    const cursor = this.more.peek()
    if (cursor === null) return
    const turn = ++this.#turn
    const page = await this.#ports.read(limit, cursor)
    if (turn !== this.#turn) return
    const known = new Set(page.items.map((item) => item.id))
    this.#take(page, [...(this.items.peek() ?? []).filter((item) => !known.has(item.id)), ...page.items])
  }

  /** With its target as it looks before and after; asked once for each state of it. */
  whole(item: Approval): Promise<Approval> {
    const key = `${item.plan_hash} ${item.before.visual_hash}`
    const known = this.#whole.get(key)
    if (known !== undefined) return known
    if (this.#whole.size >= MOST) this.#whole.clear()
    const found = this.#ports.readOne(item.id)
    this.#whole.set(key, found)
    found.catch(() => this.#whole.delete(key))
    return found
  }

  /** All that waits because of one change, also what is not shown yet. */
  async groupOf(run: string): Promise<Approval[]> {
    const here = () => (this.items.peek() ?? []).filter((item) => item.run_id === run)
    const total = this.groups.peek().find((group) => group.run_id === run)?.open ?? 0
    while (here().length < total && this.more.peek() !== null) await this.loadMore(MOST)
    return here()
  }

  /** True where it was done; what is decided goes from the list at once. */
  async decide(items: readonly Approval[], decision: Decision, comment: string): Promise<boolean> {
    const ids = items.map((item) => item.id)
    if (ids.length === 0 || ids.some((id) => this.busy.peek().has(id))) return false
    this.busy.value = new Set([...this.busy.peek(), ...ids])
    try {
      for (let from = 0; from < items.length; from += STEP) await this.#decideStep(items.slice(from, from + STEP), decision, comment)
      return true
    } catch (error) {
      this.#ports.failed(error)
      return false
    } finally {
      const left = new Set(this.busy.peek())
      for (const id of ids) left.delete(id)
      this.busy.value = left
      this.stir()
    }
  }

  async #decideStep(items: readonly Approval[], decision: Decision, comment: string): Promise<void> {
    const gone = new Set(items.map((item) => item.id))
    await this.#ports.decide([...gone], decision, planHashOf(items), comment)
    batch(() => {
      this.items.value = (this.items.peek() ?? []).filter((item) => !gone.has(item.id))
      this.open.value = Math.max(0, this.open.peek() - gone.size)
    })
  }

  #take(page: ApprovalPage, items: readonly Approval[] | null): void {
    batch(() => {
      this.open.value = page.open
      if (items === null) return
      const groups = new Map([...this.groups.peek(), ...page.groups].map((group) => [group.run_id, group]))
      const used = [...new Set(items.map((item) => item.run_id))]
      this.items.value = items
      this.groups.value = used.flatMap((run) => groups.get(run) ?? [])
      this.more.value = page.next_cursor
      this.error.value = null
    })
  }
}
