/** The grid's columns: which there are, how wide each is, and what a person made of that. */
import { computed, effect, signal } from '@preact/signals'
import type { Kind } from '../../types.ts'
import type { Sort } from '../../store/filtering.ts'

export interface Column {
  key: string
  label: string
  /** Set for a column of assets. */
  kind?: Kind
  sort?: Sort
  /** Pixels that it needs at least, and that are enough. */
  least: number
  want: number
}

export interface Placed extends Column {
  width: number
}

/** Pixels left and right of what is in a cell, together. */
export const PADDING = 16
const LEAST = 48
const MOST = 720

export const within = (width: number): number => Math.round(Math.max(LEAST, Math.min(MOST, width)))

/** Given up in this order where room is short, unless somebody has set a width; each once columns of assets have given up that share of what they want. */
const GIVEN_UP: readonly [string, number][] = [['duration', 0.9], ['framing', 0.9], ['words', 0.75]]

export interface Layout {
  columns: readonly Placed[]
  width: number
}

/** Gives pixels to columns, or takes them, each by its weight. */
function share(among: readonly Placed[], weigh: (c: Placed) => number, amount: number): void {
  const weight = among.reduce((sum, c) => sum + weigh(c), 0)
  if (weight > 0) for (const c of among) c.width += (amount * weigh(c)) / weight
}

/**
 * Places columns side by side. Set widths hold. Where room is left, words take most of it and assets the
 * rest; where it is short, what the inspector shows as well goes first, then columns shrink as far as
 * they can, then the grid scrolls.
 */
export function layOut(columns: readonly Column[], room: number, widths: { [key: string]: number }): Layout {
  const asked = (c: Column) => widths[c.key] ?? c.want
  const tight = (c: Column, part: number) => widths[c.key] ?? (c.kind === undefined ? c.want : Math.max(c.least, c.want * part))
  let kept = columns
  for (const [key, part] of GIVEN_UP) {
    if (kept.reduce((sum, c) => sum + tight(c, part), 0) <= room) continue
    if (widths[key] === undefined) kept = kept.filter((c) => c.key !== key)
  }
  const total = kept.reduce((sum, c) => sum + asked(c), 0)
  const free = (c: Column) => widths[c.key] === undefined
  let spare = room - total
  const placed = kept.map((c): Placed => Object.assign({ width: asked(c) }, c))
  if (spare < 0) {
    const give = (c: Placed) => (free(c) ? c.width - c.least : 0)
    share(placed, give, -Math.min(-spare, placed.reduce((sum, c) => sum + give(c), 0)))
  } else {
    const words = placed.find((c) => c.key === 'words' && free(c))
    const kinds = placed.filter((c) => c.kind !== undefined && free(c))
    if (words !== undefined) {
      const most = Math.min(MOST - words.width, kinds.length === 0 ? spare : spare * 0.6)
      words.width += most
      spare -= most
    }
    const rest = kinds.length > 0 ? kinds : placed.filter((c) => free(c)).slice(-1)
    share(rest, (c) => c.want, spare)
  }
  for (const c of placed) c.width = Math.floor(c.width)
  return { columns: placed, width: Math.max(room, placed.reduce((sum, c) => sum + c.width, 0)) }
}

interface Choice {
  widths: { [key: string]: number }
  hidden: string[]
}

const KEY = 'ripplecut.columns'

export function readChoice(text: string | null): Choice {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    const { widths, hidden } = (typeof value === 'object' && value !== null ? value : {}) as { widths?: unknown; hidden?: unknown }
    const numbers = typeof widths === 'object' && widths !== null ? Object.entries(widths).filter((e): e is [string, number] => typeof e[1] === 'number' && Number.isFinite(e[1])) : []
    return { widths: Object.fromEntries(numbers.map(([key, width]) => [key, within(width)])), hidden: Array.isArray(hidden) ? hidden.filter((key) => typeof key === 'string') : [] }
  } catch {
    return { widths: {}, hidden: [] }
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

/** What a person chose for this browser. */
export const choice = signal<Choice>(readChoice(stored()))

export const changed = computed(() => choice.value.hidden.length + Object.keys(choice.value.widths).length > 0)

effect(() => {
  try {
    localStorage.setItem(KEY, JSON.stringify(choice.value))
  } catch {
    // A browser that stores nothing still works; it only forgets.
  }
})

export const setWidth = (key: string, width: number) => (choice.value = { ...choice.peek(), widths: { ...choice.peek().widths, [key]: within(width) } })

export function setHidden(key: string, hidden: boolean): void {
  const { widths, hidden: before } = choice.peek()
  choice.value = { widths, hidden: [...before.filter((k) => k !== key), ...(hidden ? [key] : [])] }
}

export const resetColumns = () => (choice.value = { widths: {}, hidden: [] })
