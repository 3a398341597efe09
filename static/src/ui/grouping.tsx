/** What shots stand under: the same choice, in the same words, in both views. */
import type { Grouping } from './preferences.ts'

const GROUPINGS: readonly [Grouping, string][] = [['sequence', 'Sequences'], ['scene', 'Scenes']]

export function GroupingChoice({ value, onChoose }: { value: Grouping; onChoose(grouping: Grouping): void }) {
  return (
    <div class="segments" role="group" aria-label="Group by">
      {GROUPINGS.map(([by, words]) => <button type="button" key={by} aria-pressed={value === by} data-grouping={by} onClick={() => onChoose(by)}>{words}</button>)}
    </div>
  )
}
