/** Short messages at the foot of the page: what happened and what comes next. */
import { signal } from '@preact/signals'
import { explain, Problem } from '../api/problem.ts'

export interface Toast {
  id: number
  tone: 'plain' | 'bad'
  what: string
  next: string
  action?: Action
}

/** What can be done about it, for as long as the message stands. */
export interface Action {
  words: string
  run(): void
}

export const toasts = signal<readonly Toast[]>([])

let last = 0

const timers = new Map<number, ReturnType<typeof setTimeout>>()

function add(tone: Toast['tone'], what: string, next: string, action?: Action): void {
  if (action === undefined && toasts.peek().some((t) => t.what === what)) return
  const toast = { id: ++last, tone, what, next, ...(action === undefined ? {} : { action }) }
  toasts.value = [...toasts.peek().slice(-2), toast]
  timers.set(toast.id, setTimeout(() => dismiss(toast.id), tone === 'bad' || action !== undefined ? 12_000 : 6_000))
}

/** What somebody is about to read or to click stays. */
export function hold(id: number): void {
  clearTimeout(timers.get(id))
}

export const tell = (what: string, next = '', action?: Action) => add('plain', what, next, action)

export function fail(error: unknown): void {
  // The login that comes up says it better.
  if (error instanceof Problem && error.code === 'unauthenticated') return
  const { what, next } = explain(error)
  add('bad', what, next)
}

export function dismiss(id: number): void {
  clearTimeout(timers.get(id))
  timers.delete(id)
  toasts.value = toasts.peek().filter((t) => t.id !== id)
}
