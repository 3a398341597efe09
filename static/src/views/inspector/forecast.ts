/** What a change would do, in the words of somebody who will live with it. */
import type { Counts, OutcomeRow, RestoreImpact } from '../../types.ts'

export interface Forecast {
  /** What is said before all else. */
  first?: string
  counts: Counts
  outcomes: readonly OutcomeRow[]
  /** Names it, where it can be asked to be done as it was shown. */
  plan?: string
}

/** A change that repaints more shots than this asks first; so does one that reaches what is final. */
export const WIDE = 50

/** What is known here of a dependent: its name, whether it is a shot that repaints, and its status. */
export interface Known {
  nameOf(id: string): string
  isShot(id: string): boolean
  isFinal(id: string): boolean
  /** Who else has it open now. */
  whoHas(id: string): readonly string[]
}

export function tally(outcomes: readonly OutcomeRow[]): Counts {
  const counts: Counts = {}
  for (const o of outcomes) counts[o.outcome] = (counts[o.outcome] ?? 0) + 1
  return counts
}

const is = (n: number) => (n === 1 ? 'is' : 'are')

/** "18 shots will repaint, 3 are pinned, 2 are final and will ask. 4 others follow." */
export function forecastWords({ counts, outcomes }: Forecast, { isShot, isFinal }: Known): string {
  const of = outcomes.length > 0 ? tally(outcomes) : counts
  const n = (outcome: string) => of[outcome] ?? 0
  const updated = outcomes.filter((o) => o.outcome === 'updated')
  const shots = outcomes.length > 0 ? updated.filter((o) => isShot(o.entity_id)).length : n('updated')
  const others = updated.length - shots
  const asking = outcomes.filter((o) => o.outcome === 'awaiting_approval')
  const final = asking.length > 0 && asking.every((o) => isFinal(o.entity_id))
  const parts = [
    shots > 0 && `${shots} ${shots === 1 ? 'shot' : 'shots'} will repaint`,
    n('pinned') > 0 && `${n('pinned')} ${is(n('pinned'))} pinned`,
    n('awaiting_approval') > 0 && (final ? `${n('awaiting_approval')} ${is(n('awaiting_approval'))} final and will ask` : `${n('awaiting_approval')} will ask first`),
    n('stale') > 0 && `${n('stale')} will be marked stale`,
    n('notified') > 0 && `${n('notified')} will be told`,
    n('blocked') > 0 && `${n('blocked')} ${is(n('blocked'))} held back by a rule`,
    n('conflict') > 0 && `${n('conflict')} ${is(n('conflict'))} in conflict`,
  ].filter((part) => part !== false)
  const rest = others > 0 ? `${others} ${others === 1 ? 'other follows' : 'others follow'}.` : ''
  return [parts.length > 0 ? `${parts.join(', ')}.` : '', rest].filter(Boolean).join(' ')
}

/** How many shots are another picture after it. */
export function repainted({ counts, outcomes }: Forecast, { isShot }: Known): number {
  return outcomes.length > 0 ? outcomes.filter((o) => o.outcome === 'updated' && isShot(o.entity_id)).length : (counts['updated'] ?? 0)
}

export const reachesMany = (forecast: Forecast, known: Known): boolean => repainted(forecast, known) > WIDE

/** Whoever publishes it by hand is asked first. */
export function isWide(forecast: Forecast, known: Known): boolean {
  return reachesMany(forecast, known) || forecast.outcomes.some((o) => o.outcome === 'awaiting_approval' || (o.outcome !== 'unchanged' && known.isFinal(o.entity_id)))
}

const FIRST: readonly string[] = ['failed', 'conflict', 'awaiting_approval', 'blocked', 'pinned', 'stale', 'notified', 'updated']

/** What needs somebody first, then what stays, then what changes: shots before what holds them. */
export function inOrder(outcomes: readonly OutcomeRow[], { isShot }: Pick<Known, 'isShot'>): OutcomeRow[] {
  const rank = ({ outcome, entity_id }: OutcomeRow) => FIRST.indexOf(outcome) * 2 + (isShot(entity_id) ? 0 : 1)
  return outcomes.filter((o) => o.outcome !== 'unchanged').toSorted((a, b) => rank(a) - rank(b))
}

/** "ines and otto have 3 of these open": who would see it happen. */
export function watchersWords({ outcomes }: Forecast, { whoHas }: Pick<Known, 'whoHas'>): string {
  const seen = outcomes.filter((o) => o.outcome === 'updated' && whoHas(o.entity_id).length > 0)
  const names = [...new Set(seen.flatMap((o) => whoHas(o.entity_id)))]
  if (names.length === 0) return ''
  const [last] = names.slice(-1)
  const who = names.length > 3 ? `${names.length} people` : names.length === 1 ? String(last) : `${names.slice(0, -1).join(', ')} and ${last}`
  return `${who} ${names.length === 1 ? 'has' : 'have'} ${seen.length === 1 ? 'one' : seen.length} of these open.`
}

/** Several with one outcome for one reason. */
export interface Alike {
  outcome: string
  reason: string
  ids: readonly string[]
}

/** Rows that tell the same, as one. */
export function alike(outcomes: readonly OutcomeRow[]): Alike[] {
  const found = new Map<string, { outcome: string; reason: string; ids: string[] }>()
  for (const { entity_id, outcome, reason } of outcomes) {
    const key = `${outcome} ${reason}`
    const one = found.get(key) ?? { outcome, reason, ids: [] }
    one.ids.push(entity_id)
    found.set(key, one)
  }
  return [...found.values()]
}

/** So many are told by name. */
export const NAMED = 3

function some(ids: readonly string[], nameOf: (id: string) => string): string {
  const named = ids.slice(0, NAMED).map(nameOf).join(', ')
  return ids.length > NAMED ? `${named} and ${ids.length - NAMED} more` : named
}

/** "12 entities get a new version. Made since and deleted: Lamp. Deleted since and back: Mara." */
export function restorationWords({ versions, deleted, restored }: Pick<RestoreImpact, 'versions' | 'deleted' | 'restored'>, nameOf: (id: string) => string): string {
  const parts = [
    versions > 0 && `${versions} ${versions === 1 ? 'entity gets' : 'entities get'} a new version.`,
    deleted.length > 0 && `Made since, and deleted: ${some(deleted, nameOf)}.`,
    restored.length > 0 && `Deleted since, and back: ${some(restored, nameOf)}.`,
  ].filter((part) => part !== false)
  return parts.length > 0 ? parts.join(' ') : 'The project is as it was then.'
}
