/** The storyboard's own line: what panels stand under, how large they are, how much there is. */
import { type Grouping, PANEL } from '../../ui/preferences.ts'
import { count } from '../../ui/bits.tsx'
import { GroupingChoice } from '../../ui/grouping.tsx'
import { Icon } from '../../ui/icon.tsx'
import { clockTime } from './clock.ts'

export interface ToolsProps {
  grouping: Grouping
  size: number
  shots: number
  seconds: number
  onGrouping(grouping: Grouping): void
  onSize(size: number): void
}

export function Tools({ grouping, size, shots, seconds, onGrouping, onSize }: ToolsProps) {
  return (
    <>
      <GroupingChoice value={grouping} onChoose={onGrouping} />
      <span class="size">
        <Icon name="layout-grid" size={14} />
        <input type="range" min={PANEL.least} max={PANEL.most} step={PANEL.step} value={size} aria-label="Panel size" aria-valuetext={`${size} pixels`} data-testid="panel-size"
          onInput={(event) => onSize(event.currentTarget.valueAsNumber)} />
        <Icon name="rectangle" size={16} />
      </span>
      <small class="total">{count(shots, 'shot')}{seconds > 0 && ` · ${clockTime(seconds)}`}</small>
    </>
  )
}
