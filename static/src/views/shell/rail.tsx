/** The left rail: only what exists. Inboxes come with the issues that bring them. */
import { useState } from 'preact/hooks'
import { density, type Density, theme, type Theme } from '../../ui/preferences.ts'
import { Icon, type IconName } from '../../ui/icon.tsx'

const THEMES: readonly [Theme, IconName, string][] = [['system', 'sun-moon', 'As the system'], ['light', 'sun', 'Light'], ['dark', 'moon', 'Dark']]
const ROWS: readonly [Density, IconName, string][] = [['compact', 'rows-4', 'Compact rows'], ['comfortable', 'rows-3', 'Tall rows']]

const KEYS: readonly [string, string][] = [
  ['⌘K or Ctrl K', 'Find or do'], ['Arrow keys', 'Walk over panels or rows'], ['Enter', 'Open in the inspector'], ['Esc', 'Close, go back to where one was'], ['B, S', 'Breakdown, storyboard'], ['?', 'Show these keys'],
]

export interface RailProps {
  keys: boolean
  onKeys(open: boolean): void
  onFind(): void
  onSignOut(): void
}

export function Rail({ keys, onKeys, onFind, onSignOut }: RailProps) {
  const [open, setOpen] = useState(false)
  return (
    <nav class="rail" aria-label="Tools">
      <button type="button" aria-label="Find or do" data-tip="Find or do" onClick={onFind}><Icon name="search" size={18} /></button>
      <span class="rail-gap" />
      <button type="button" aria-label="Keys" data-tip="Keys" aria-expanded={keys} onClick={() => onKeys(!keys)}><Icon name="keyboard" size={18} /></button>
      <button type="button" aria-label="Settings" data-tip="Settings" aria-expanded={open} data-testid="settings" onClick={() => setOpen(!open)}><Icon name="settings" size={18} /></button>
      {open && (
        <div class="menu" role="group" aria-label="Settings" onKeyDown={(e) => {
          if (e.key !== 'Escape') return
          e.stopPropagation()
          setOpen(false)
        }}>
          {THEMES.map(([value, icon, word]) => <button type="button" key={value} aria-pressed={theme.value === value} data-theme-choice={value} onClick={() => (theme.value = value)}><Icon name={icon} size={14} />{word}</button>)}
          <hr />
          {ROWS.map(([value, icon, word]) => <button type="button" key={value} aria-pressed={density.value === value} onClick={() => (density.value = value)}><Icon name={icon} size={14} />{word}</button>)}
          <hr />
          <button type="button" onClick={onSignOut}><Icon name="log-out" size={14} />Sign out</button>
        </div>
      )}
      {keys && (
        <div class="menu keys" role="group" aria-label="Keys">
          <dl>{KEYS.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
        </div>
      )}
    </nav>
  )
}
