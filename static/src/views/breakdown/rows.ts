/** The grid's rows as one flat list, and the slice of it that is worth drawing. */
import type { Group } from '../../store/groups.ts'

export type Row = { kind: 'group'; group: Group } | { kind: 'shot'; id: string; group: string }

export function flatten(groups: readonly Group[]): Row[] {
  return groups.flatMap((group): Row[] => [{ kind: 'group', group }, ...group.shots.map((id): Row => ({ kind: 'shot', id, group: group.id }))])
}

export interface Slice {
  from: number
  to: number
}

/** Rows of a fixed height: which of `count` meet the viewport, with some to spare on both sides. */
export function slice(top: number, height: number, row: number, count: number, spare = 12): Slice {
  const from = Math.max(0, Math.floor(top / row) - spare)
  return { from, to: Math.min(count, Math.ceil((top + height) / row) + spare) }
}

/** The next shot row from `at` in a direction; headers are stepped over. */
export function step(rows: readonly Row[], at: number, by: number): number {
  const direction = Math.sign(by) || 1
  let to = Math.max(0, Math.min(rows.length - 1, at + by))
  while (to >= 0 && to < rows.length && rows[to]?.kind !== 'shot') to += direction
  if (to < 0) return rows.findIndex((r) => r.kind === 'shot')
  return to < rows.length ? to : rows.findLastIndex((r) => r.kind === 'shot')
}
