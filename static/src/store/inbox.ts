/** The notifications of whoever is here, in one project: read once, then live. */
import { signal } from '@preact/signals'
import * as api from '../api/notifications.ts'
import type { Mute, Muted, Notification } from '../api/notifications.ts'
import type { Frame } from '../types.ts'

/** As many as are listed; older ones have been read, or never will be. */
export const SHOWN = 50

export class Inbox {
  readonly items = signal<readonly Notification[]>([])
  readonly unread = signal(0)
  readonly muted = signal<Muted>({ entities: [], kinds: [] })
  /** The newest one, for those who do not see the bell. */
  readonly said = signal('')
  readonly #project: string

  constructor(project: string) {
    this.#project = project
  }

  async load(): Promise<void> {
    const [page, muted] = await Promise.all([api.readNotifications(this.#project, SHOWN), api.readMuted(this.#project)])
    this.items.value = page.items
    this.unread.value = page.unread
    this.muted.value = muted
  }

  /** A frame of the socket; what is listed already came again after a lost line. */
  arrived(frame: Frame): void {
    const found = readNotification(frame)
    if (found === null || this.items.peek().some((one) => one.id === found.id)) return
    this.items.value = [found, ...this.items.peek()].slice(0, SHOWN)
    this.unread.value += 1
    this.said.value = found.text
  }

  /** Marks these as read, here at once; `null`: all. Where the server refuses, what it has counts. */
  async read(ids: readonly string[] | null): Promise<void> {
    const fresh = this.items.peek().filter((one) => one.read_at === null && (ids === null || ids.includes(one.id)))
    if (fresh.length === 0 && ids !== null) return
    const at = new Date().toISOString()
    const after = new Map(fresh.map((one) => [one.id, Object.assign({}, one, { read_at: at })]))
    this.items.value = this.items.peek().map((one) => after.get(one.id) ?? one)
    this.unread.value = ids === null ? 0 : Math.max(0, this.unread.peek() - fresh.length)
    try {
      this.unread.value = (await api.markRead(this.#project, ids)).unread
    } catch (error) {
      await this.load().catch(() => undefined)
      throw error
    }
  }

  async mute(what: Mute): Promise<void> {
    this.muted.value = await api.mute(this.#project, what)
  }

  async unmute(what: Mute): Promise<void> {
    this.muted.value = await api.unmute(this.#project, what)
  }
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null)

/** A frame as the notification that it tells of; `null` for one that is none. */
export function readNotification(frame: Frame): Notification | null {
  const [id, said] = [text(frame['id']), text(frame['text'])]
  if (id === null || said === null) return null
  const detail = frame['detail']
  return {
    id,
    kind: text(frame['kind']) ?? '',
    text: said,
    entity_id: text(frame['entity_id']),
    run_id: text(frame['run_id']),
    detail: typeof detail === 'object' && detail !== null && !Array.isArray(detail) ? detail : {},
    created_at: text(frame['created_at']) ?? new Date().toISOString(),
    read_at: null,
  }
}

/** "Mara v14" and "23 shots: 18 updated": what it is about, and what there is to say. */
export function parts(said: string): [string, string] {
  const at = said.indexOf(': ')
  return at < 0 ? ['', said] : [said.slice(0, at), said.slice(at + 2)]
}
