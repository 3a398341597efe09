/** The storyboard's own line: what panels stand under, how large they are, how much there is. */
import { type Grouping, PANEL } from '../../ui/preferences.ts'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { clockTime } from './clock.ts'

const GROUPINGS: readonly [Grouping, IconName, string][] = [['sequence', 'film', 'Sequences'], ['scene', 'scroll-text', 'Scenes']]

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
      <div class="segments" role="group" aria-label="Panels by">
        {GROUPINGS.map(([value, icon, words]) => (
          <button type="button" key={value} aria-pressed={grouping === value} data-grouping={value} onClick={() => onGrouping(value)}><Icon name={icon} size={14} />{words}</button>
        ))}
      </div>
      <span class="size">
        <Icon name="layout-grid" size={14} />
        <input type="range" min={PANEL.least} max={PANEL.most} step={PANEL.step} value={size} aria-label="Panel size" aria-valuetext={`${size} pixels`} data-testid="panel-size"
          onInput={(event) => onSize(event.currentTarget.valueAsNumber)} />
        <Icon name="rectangle" size={16} />
      </span>
      <small class="total">{shots} {shots === 1 ? 'shot' : 'shots'}{seconds > 0 && ` · ${clockTime(seconds)}`}</small>
    </>
  )
}
