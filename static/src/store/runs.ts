/** The run that the bottom line shows: how far it is, what it did, what needs a person. */
import { signal } from '@preact/signals'
import type { Counts, Frame } from '../types.ts'

export interface RunLine {
  id: string
  asset: string
  processed: number
  total: number
  /** 0 to 100; never moves backwards. */
  progress: number
  counts: Counts
  eta: number | null
  done: boolean
}

const STAY = 6_000
/** What failed stays until somebody has seen to it, or had the time to. */
const STAY_FAILED = 60_000
const FINAL = new Set(['done', 'success', 'finished', 'completed', 'failed', 'cancelled', 'superseded', 'rolled_back', 'partial'])

const number = (value: unknown, otherwise: number) => (typeof value === 'number' && Number.isFinite(value) ? value : otherwise)

export function needYou(counts: Counts): number {
  return ['awaiting_approval', 'conflict', 'blocked', 'failed'].reduce((sum, key) => sum + (counts[key] ?? 0), 0)
}

/** How many dependents could not be brought up to date. */
export const failures = (counts: Counts): number => counts['failed'] ?? 0

/** "18 updated, 3 pinned, 2 need you" */
export function sentence(counts: Counts): string {
  const words = (['updated', 'notified', 'stale', 'pinned', 'cancelled', 'superseded'] as const)
    .filter((key) => (counts[key] ?? 0) > 0)
    .map((key) => `${(counts[key] ?? 0).toLocaleString('en')} ${key}`)
  const you = needYou(counts)
  if (you > 0) words.push(`${you.toLocaleString('en')} need${you === 1 ? 's' : ''} you`)
  return words.join(', ')
}

export class Runs {
  readonly line = signal<RunLine | null>(null)
  #timer: ReturnType<typeof setTimeout> | undefined

  progress(frame: Frame): void {
    const id = String(frame['run_id'] ?? '')
    const before = this.line.peek()
    if (before !== null && before.id !== id && !before.done && number(frame['progress'], 0) >= 100) return
    const mine = before?.id === id ? before : null
    if (mine?.done === true) return
    const progress = Math.max(number(frame['progress'], 0), mine?.progress ?? 0)
    const done = progress >= 100 || FINAL.has(String(frame['status'] ?? ''))
    this.#show({
      id,
      asset: String(frame['asset_id'] ?? mine?.asset ?? ''),
      processed: Math.max(number(frame['processed'], 0), mine?.processed ?? 0),
      total: number(frame['total'], mine?.total ?? 0),
      progress,
      counts: readCounts(frame['counts']) ?? mine?.counts ?? {},
      eta: typeof frame['eta'] === 'number' ? frame['eta'] : null,
      done,
    })
  }

  finished(frame: Frame): void {
    const before = this.line.peek()
    const run = (typeof frame['run'] === 'object' && frame['run'] !== null ? frame['run'] : frame) as { [key: string]: unknown }
    const id = String(frame['run_id'] ?? run['id'] ?? '')
    if (before === null || before.id !== id) return
    this.#show({ ...before, progress: 100, done: true, counts: readCounts(run['counts']) ?? before.counts })
  }

  dismiss(): void {
    clearTimeout(this.#timer)
    this.line.value = null
  }

  #show(line: RunLine): void {
    clearTimeout(this.#timer)
    this.line.value = line
    // A run that went silent must not stand there for ever either.
    const stay = failures(line.counts) > 0 ? STAY_FAILED : STAY
    this.#timer = setTimeout(() => this.dismiss(), line.done ? stay : 60_000)
  }
}

function readCounts(value: unknown): Counts | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return Object.fromEntries(Object.entries(value).filter((e): e is [string, number] => typeof e[1] === 'number'))
}
