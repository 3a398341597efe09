/** The grid's rows as one flat list with sections, and the slice of it that is worth drawing. */
import type { Group } from '../../store/groups.ts'

export type Row = { kind: 'group'; group: Group } | { kind: 'shot'; id: string; group: Group }

/** A group's rows: its header at `start`, and its shots where it is open. */
export interface Section {
  group: Group
  open: boolean
  start: number
  count: number
}

export interface Table {
  rows: readonly Row[]
  sections: readonly Section[]
  /** The shots that have a row, in order. */
  order: readonly string[]
  /** The row of a shot, or of a group's header by `keyOf`. */
  at: ReadonlyMap<string, number>
}

export const keyOf = (row: Row): string => (row.kind === 'shot' ? row.id : `\u0000${row.group.id}`)

export function tableOf(groups: readonly Group[], folded: ReadonlySet<string> = new Set()): Table {
  const rows: Row[] = []
  const sections: Section[] = []
  const order: string[] = []
  for (const group of groups) {
    const open = !folded.has(group.id)
    sections.push({ group, open, start: rows.length, count: open ? group.shots.length + 1 : 1 })
    rows.push({ kind: 'group', group })
    if (!open) continue
    for (const id of group.shots) {
      rows.push({ kind: 'shot', id, group })
      order.push(id)
    }
  }
  return { rows, sections, order, at: new Map(rows.map((row, at) => [keyOf(row), at])) }
}

export interface Slice {
  from: number
  to: number
}

/**
 * Rows of a fixed height: which of `count` meet the viewport, with some to spare on both sides. The slice
 * moves `by` rows at a time, so that not every frame of a scroll makes the view look at its rows.
 */
export function slice(top: number, height: number, row: number, count: number, spare = 12, by = 1): Slice {
  const [from, to] = [Math.floor(top / row) - spare, Math.ceil((top + height) / row) + spare]
  return { from: Math.max(0, Math.floor(from / by) * by), to: Math.min(count, Math.ceil(to / by) * by) }
}

/** The sections that have rows in a slice. */
export function sectionsIn(sections: readonly Section[], { from, to }: Slice): Section[] {
  return sections.filter(({ start, count }) => start < to && start + count > from)
}

/** The row that many further on, inside the table; `top` is the row above the first one. */
export const step = (count: number, at: number, by: number, top = 0): number => Math.max(top, Math.min(count - 1, at + by))
