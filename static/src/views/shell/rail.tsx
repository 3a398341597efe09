/** The left rail: what waits for somebody, each with its count; the rules; and the settings of this browser. */
import { count } from '../../ui/bits.tsx'
import { density, type Density, theme, type Theme } from '../../ui/preferences.ts'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { Menu } from '../../ui/menu.tsx'
import { href, type View } from '../../ui/router.ts'

const THEMES: readonly [Theme, IconName, string][] = [['system', 'sun-moon', 'As the system'], ['light', 'sun', 'Light'], ['dark', 'moon', 'Dark']]
const ROWS: readonly [Density, IconName, string][] = [['compact', 'rows-4', 'Compact rows'], ['comfortable', 'rows-3', 'Tall rows']]

export interface RailProps {
  project: string
  view: View
  entity: string | null
  /** How much waits for approval. */
  approvals: number
  /** How much is in conflict. */
  conflicts: number
  onKeys(): void
  onSignOut(): void
}

interface PlaceProps extends Pick<RailProps, 'project' | 'view' | 'entity'> {
  to: View
  icon: IconName
  words: string
  shortcut: string
  waiting?: number
}

/** Reached from everywhere; a number, and nothing where nothing waits. */
function Place({ project, view, entity, to, icon, words, shortcut, waiting }: PlaceProps) {
  return (
    <a href={href({ project, view: to, entity })} class={view === to ? 'on' : undefined} aria-current={view === to ? 'page' : undefined} aria-label={words} data-tip={`${words} (${shortcut})`} data-testid={to} data-count={waiting}>
      <Icon name={icon} size={18} />{waiting !== undefined && waiting > 0 && <span class="bell-count" aria-hidden="true">{waiting > 999 ? '999+' : waiting}</span>}
    </a>
  )
}

export function Rail({ approvals, conflicts, onKeys, onSignOut, ...here }: RailProps) {
  return (
    <nav class="rail" aria-label="Tools">
      <Place {...here} to="approvals" icon="approved" shortcut="W" waiting={approvals} words={approvals === 0 ? 'Nothing waits for approval' : `${count(approvals, 'change waits', 'changes wait')} for approval`} />
      <Place {...here} to="conflicts" icon="arrow-right-left" shortcut="C" waiting={conflicts} words={conflicts === 0 ? 'Nothing is in conflict' : `${count(conflicts, 'conflict waits', 'conflicts wait')} for a choice`} />
      <Place {...here} to="rules" icon="rules" shortcut="R" words="Rules" />
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
