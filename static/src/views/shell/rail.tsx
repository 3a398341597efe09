/** The left rail: only what exists. Inboxes come when there is something that fills them. */
import { density, type Density, theme, type Theme } from '../../ui/preferences.ts'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { Menu } from '../../ui/menu.tsx'

const THEMES: readonly [Theme, IconName, string][] = [['system', 'sun-moon', 'As the system'], ['light', 'sun', 'Light'], ['dark', 'moon', 'Dark']]
const ROWS: readonly [Density, IconName, string][] = [['compact', 'rows-4', 'Compact rows'], ['comfortable', 'rows-3', 'Tall rows']]

export interface RailProps {
  onKeys(): void
  onSignOut(): void
}

export function Rail({ onKeys, onSignOut }: RailProps) {
  return (
    <nav class="rail" aria-label="Tools">
      <span class="rail-gap" />
      <button type="button" aria-label="Keys" data-tip="Keys (?)" data-testid="keys" onClick={onKeys}><Icon name="keyboard" size={18} /></button>
      <Menu label="Settings" tip="Settings" hook="settings" class="upward" button={<Icon name="settings" size={18} />}>
        {THEMES.map(([value, icon, word]) => <button type="button" key={value} aria-pressed={theme.value === value} data-theme-choice={value} onClick={() => (theme.value = value)}><Icon name={icon} size={14} />{word}</button>)}
        <hr />
        {ROWS.map(([value, icon, word]) => <button type="button" key={value} aria-pressed={density.value === value} onClick={() => (density.value = value)}><Icon name={icon} size={14} />{word}</button>)}
        <hr />
        <button type="button" onClick={onSignOut}><Icon name="log-out" size={14} />Sign out</button>
      </Menu>
    </nav>
  )
}
