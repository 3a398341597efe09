/** The top line: which project, which view, find or do, saved or not, who else is here. */
import type { ComponentChildren } from 'preact'
import type { LiveState } from '../../live/channel.ts'
import type { Person, Project } from '../../types.ts'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { Menu } from '../../ui/menu.tsx'
import { exact } from '../../ui/time.tsx'
import { href, type View } from '../../ui/router.ts'
import { needsServer } from '../../ui/reach.ts'
import { FIND_KEY } from './keys.tsx'
import { Followed, People } from './people.tsx'

export interface HeaderProps {
  project: string
  name: string
  projects: readonly Project[]
  view: View
  entity: string | null
  live: LiveState
  unsent: number
  /** The line is open, and the server does not confirm. */
  stalled: boolean
  savedAt: string | null
  me: { user: string; name: string; colour: string }
  others: readonly Person[]
  following: { user: string; name: string; colour: string; away: boolean } | null
  /** What following did, for those who do not see it. */
  said: string
  /** The bell. */
  inbox: ComponentChildren
  mayCreate: boolean
  mayImport: boolean
  nameOf(id: string): string
  onFollow(user: string): void
  onFind(): void
  onNew(): void
  onImport(): void
  onExport(): void
  onSettings(): void
}

function Saved({ live, unsent, stalled, savedAt }: Pick<HeaderProps, 'live' | 'unsent' | 'stalled' | 'savedAt'>) {
  const [icon, word, state]: [IconName, string, string] = live === 'refused'
    ? ['cloud-off', 'Not connected', 'offline']
    : live === 'offline' ? ['cloud-off', unsent > 0 ? `Offline, ${unsent} unsent` : 'Offline', 'offline']
    : live === 'connecting' ? ['cloud', 'Connecting…', 'connecting'] : unsent > 0 ? (stalled ? ['cloud-off', 'Not saved', 'unsaved'] : ['cloud', 'Saving…', 'saving']) : ['check', 'Saved', 'saved']
  return <span class="saved" data-saved={state} title={savedAt === null ? undefined : `Last saved ${exact(savedAt)}`}><Icon name={icon} size={14} /><span>{word}</span></span>
}

/** As many other projects as a menu holds; the list has all of them. */
const SHOWN = 8

const item = (icon: IconName, words: string, run: () => void, hook: string, asks = true) => <button type="button" data-close data-testid={hook} {...(asks ? needsServer() : {})} onClick={run}><Icon name={icon} size={14} />{words}</button>

function ProjectMenu(props: HeaderProps) {
  const { project, name, projects, view, mayCreate, mayImport, onNew, onImport, onExport, onSettings } = props
  const others = projects.filter((p) => p.id !== project)
  return (
    <Menu label={`Project: ${name}`} hook="project-menu" class="project-menu" buttonClass="project" button={<><span class="project-name" dir="auto">{name}</span><Icon name="chevron-down" size={14} /></>}>
      {others.slice(0, SHOWN).map((p) => <a key={p.id} href={href({ project: p.id, view, entity: null })} data-project={p.id}><Icon name="clapperboard" size={14} /><span class="menu-words" dir="auto">{p.name}</span></a>)}
      {others.length > 0 && <hr />}
      <a href="/" data-testid="all-projects"><Icon name="rows-3" size={14} />All projects</a>
      {mayCreate && item('plus', 'New project', onNew, 'new-project')}
      <hr />
      {mayImport && item('upload', 'Import a file', onImport, 'import')}
      {item('download', 'Export as JSON', onExport, 'export')}
      {item('settings', 'Project settings', onSettings, 'project-settings', false)}
    </Menu>
  )
}

export function Header(props: HeaderProps) {
  const { project, name, view, entity, live, unsent, stalled, savedAt, me, others, following, said, nameOf, onFollow, onFind } = props
  const tab = (to: View, label: string) => (
    <a href={href({ project, view: to, entity })} class={view === to ? 'tab on' : 'tab'} aria-current={view === to ? 'page' : undefined} data-tab={to}>{label}</a>
  )
  return (
    <header class="top">
      <h1 class="only-read">{name}</h1>
      <ProjectMenu {...props} />
      <nav aria-label="Views">{tab('breakdown', 'Breakdown')}{tab('storyboard', 'Storyboard')}</nav>
      <button type="button" class="find" aria-label={`Find or do, ${FIND_KEY}`} onClick={onFind} data-testid="find"><Icon name="search" size={14} /><span>Find or do</span><kbd>{FIND_KEY}</kbd></button>
      <Saved live={live} unsent={unsent} stalled={stalled} savedAt={savedAt} />
      <p class="only-read" role="status" data-testid="followed-said">{said}</p>
      {following !== null && <Followed {...following} onStop={() => onFollow(following.user)} />}
      {props.inbox}
      <People me={me} others={others} following={following?.user ?? null} nameOf={nameOf} onFollow={onFollow} />
    </header>
  )
}
