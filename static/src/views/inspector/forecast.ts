/** What a change would do, in the words of somebody who will live with it. */
import type { Counts, OutcomeRow } from '../../types.ts'

export interface Forecast {
  counts: Counts
  outcomes: readonly OutcomeRow[]
}

/** What is known here of a dependent: its name, whether it is a shot that repaints, and its status. */
export interface Known {
  nameOf(id: string): string
  isShot(id: string): boolean
  isFinal(id: string): boolean
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
