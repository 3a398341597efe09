/** The top line: which project, which view, find or do, saved or not, who else is here. */
import type { LiveState } from '../../live/channel.ts'
import type { Person } from '../../types.ts'
import { Avatar } from '../../ui/bits.tsx'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { exact } from '../../ui/time.tsx'
import { href, type View } from '../../ui/router.ts'

export interface HeaderProps {
  project: string
  name: string
  view: View
  entity: string | null
  live: LiveState
  unsent: number
  savedAt: string | null
  me: { user: string; name: string; colour: string }
  others: readonly Person[]
  nameOf(id: string): string
  onFind(): void
}

const apple = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.userAgent)

function Saved({ live, unsent, savedAt }: { live: LiveState; unsent: number; savedAt: string | null }) {
  const [icon, word, state]: [IconName, string, string] = live === 'offline' || live === 'refused'
    ? ['cloud-off', unsent > 0 ? `Offline, ${unsent} unsent` : 'Offline', 'offline']
    : live === 'connecting' ? ['cloud', 'Connecting…', 'connecting'] : unsent > 0 ? ['cloud', 'Saving…', 'saving'] : ['check', 'Saved', 'saved']
  return <span class="saved" data-saved={state} role="status" title={savedAt === null ? undefined : `Last saved ${exact(savedAt)}`}><Icon name={icon} size={14} />{word}</span>
}

/** One avatar per person, however many windows they have open. */
function unique(people: readonly Person[]): Person[] {
  return [...new Map(people.map((p) => [p.user, p])).values()]
}

export function Header({ project, name, view, entity, live, unsent, savedAt, me, others, nameOf, onFind }: HeaderProps) {
  const tab = (to: View, label: string) => (
    <a href={href({ project, view: to, entity })} class={view === to ? 'tab on' : 'tab'} aria-current={view === to ? 'page' : undefined} data-tab={to}>{label}</a>
  )
  const people = unique(others)
  return (
    <header class="top">
      <a href="/" class="project" data-tip="All projects"><h1>{name}</h1><Icon name="chevron-down" size={14} /></a>
      <nav aria-label="Views">{tab('breakdown', 'Breakdown')}{tab('storyboard', 'Storyboard')}</nav>
      <button type="button" class="find" onClick={onFind} data-testid="find"><Icon name="search" size={14} /><span>Find or do</span><kbd>{apple ? '⌘K' : 'Ctrl K'}</kbd></button>
      <Saved live={live} unsent={unsent} savedAt={savedAt} />
      <span class="people" role="group" aria-label="Who is here">
        {people.slice(0, 6).map((p) => <Avatar key={p.session} person={p} here={`${p.name || p.user}${p.entity === null ? ' is here' : ` has ${nameOf(p.entity)} open`}`} />)}
        {people.length > 6 && <span class="dim">+{people.length - 6}</span>}
        <Avatar person={me} here={`${me.name} (you)`} />
      </span>
    </header>
  )
}
