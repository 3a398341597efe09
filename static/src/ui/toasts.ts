/** Short messages at the foot of the page: what happened and what comes next. */
import { signal } from '@preact/signals'
import { explain } from '../api/problem.ts'

export interface Toast {
  id: number
  tone: 'plain' | 'bad'
  what: string
  next: string
}

export const toasts = signal<readonly Toast[]>([])

let last = 0

const timers = new Map<number, ReturnType<typeof setTimeout>>()

function add(tone: Toast['tone'], what: string, next: string): void {
  if (toasts.peek().some((t) => t.what === what)) return
  const toast = { id: ++last, tone, what, next }
  toasts.value = [...toasts.peek().slice(-2), toast]
  timers.set(toast.id, setTimeout(() => dismiss(toast.id), tone === 'bad' ? 12_000 : 6_000))
}

/** What somebody is about to read or to click stays. */
export function hold(id: number): void {
  clearTimeout(timers.get(id))
}

export const tell = (what: string, next = '') => add('plain', what, next)

export function fail(error: unknown): void {
  const { what, next } = explain(error)
  add('bad', what, next)
}

export function dismiss(id: number): void {
  clearTimeout(timers.get(id))
  timers.delete(id)
  toasts.value = toasts.peek().filter((t) => t.id !== id)
}
