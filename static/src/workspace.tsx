/** The one file that wires a project's store to its views. */
import { useComputed } from '@preact/signals'
import { useCallback, useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks'
import * as api from './api/endpoints.ts'
import { explain, Problem } from './api/problem.ts'
import type { Following } from './store/following.ts'
import { LOOSE } from './store/groups.ts'
import { inspect, type OpenProject } from './store/open-project.ts'
import type { Person, Project } from './types.ts'
import { Notice, Skeleton } from './ui/bits.tsx'
import { Icon } from './ui/icon.tsx'
import { lazy } from './ui/lazy.tsx'
import { density, grouping, PANEL, panelSize, theme } from './ui/preferences.ts'
import { needsServer, reaches } from './ui/reach.ts'
import { go, hrefOf, route, type View as ViewName } from './ui/router.ts'
import { WiredApprovals } from './views/approvals/wired.tsx'
import { WiredBreakdown } from './views/breakdown/wired.tsx'
import { WiredInspector } from './views/inspector/wired.tsx'
import { BottomLine } from './views/shell/bottom-line.tsx'
import { Header } from './views/shell/header.tsx'
import { openInbox, WiredInbox } from './views/shell/inbox-wired.tsx'
import { KeysDialog } from './views/shell/keys.tsx'
import { type Command, Palette } from './views/shell/palette.tsx'
import { NewShot, ProjectSettings } from './views/shell/project-dialogs.tsx'
import { Rail } from './views/shell/rail.tsx'
import { Safety } from './views/shell/safety.tsx'
import { WiredStoryboard } from './views/storyboard/wired.tsx'

/** How soon a server that could not be reached is asked again. */
const AGAIN = 3_000

/** What the server serves first: the panels on screen and what is opened. */
function useViewing(project: OpenProject) {
  const [visible, setVisible] = useState<readonly string[]>([])
  const { entity, view } = route.value
  useEffect(() => {
    project.see(visible)
    project.channel.viewing(entity === null ? visible : [entity, ...visible.filter((id) => id !== entity)])
  }, [project, visible, entity])
  useEffect(() => {
    project.channel.present(view, entity, project.me.user)
  }, [project, view, entity])
  return setVisible
}

const typing = (event: KeyboardEvent) => event.target instanceof Element && event.target.closest('input, select, textarea, [contenteditable=true], dialog') !== null

/** One step back: from an old version to now, from the inspector to what was behind it. */
function back(): void {
  const { entity, version } = route.peek()
  if (entity === null) return
  // Leaving a field keeps what was typed; it goes the way of every blur.
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
  if (version !== undefined) {
    go({ version: null })
    document.querySelector<HTMLElement>('.inspector')?.focus({ preventScroll: true })
    return
  }
  leave(entity)
}

/** Closes the inspector; the focus goes back to the panel or the row that it was about. */
function leave(entity: string): void {
  inspect(null)
  const home = document.querySelector<HTMLElement>(`[data-panel="${CSS.escape(entity)}"] .panel-link, .breakdown, :is(.approval, .conflict, .rule)[tabindex="0"]`) ?? document.querySelector<HTMLElement>('main.view')
  home?.focus()
}

/** Opens an entity from afar: the focus follows, as there is nothing on screen that it came from. */
function jump(id: string): void {
  inspect(id)
  requestAnimationFrame(() => document.querySelector<HTMLElement>('.inspector')?.focus({ preventScroll: true }))
}

function useKeys(following: Following, onFind: () => void, onKeys: () => void) {
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key === 'k' && (event.metaKey || event.ctrlKey)) {
        event.preventDefault()
        if (document.querySelector('dialog[open]') === null) onFind()
        return
      }
      if (event.key === 'Escape' && !event.defaultPrevented && document.querySelector('dialog[open]') === null) return following.user.peek() === null ? back() : following.stop()
      if (typing(event) || event.metaKey || event.ctrlKey || event.altKey) return
      if (event.key === 'b') go({ view: 'breakdown' })
      else if (event.key === 's') go({ view: 'storyboard' })
      else if (event.key === 'w') go({ view: 'approvals' })
      else if (event.key === 'c') go({ view: 'conflicts' })
      else if (event.key === 'r') go({ view: 'rules' })
      else if (event.key === '?') onKeys()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [following, onFind, onKeys])
}

const LABELS: { [view in ViewName]: string } = { breakdown: 'Breakdown', storyboard: 'Storyboard', approvals: 'What waits for approval', conflicts: 'Conflicts', rules: 'Rules' }

const WiredConflicts = lazy(async () => (await import('./views/conflicts/wired.tsx')).WiredConflicts)
const WiredRules = lazy(async () => (await import('./views/rules/wired.tsx')).WiredRules)

interface Doings {
  mayCreate: boolean
  mayImport: boolean
  onNew(): void
  onNewShot(): void
  onImport(): void
  onExport(): void
  onSettings(): void
  onKeys(): void
  onSignOut(): void
}

const resize = (steps: number) => {
  panelSize.value = Math.min(PANEL.most, Math.max(PANEL.least, panelSize.peek() + steps * PANEL.step))
}

const when = (may: boolean, ...commands: Command[]) => (may ? commands : [])

function commandsOf(doings: Doings): Command[] {
  return [
    { id: 'storyboard', words: 'Go to the storyboard', icon: 'clapperboard', key: 'S', run: () => go({ view: 'storyboard' }) },
    { id: 'breakdown', words: 'Go to the breakdown', icon: 'rows-3', key: 'B', run: () => go({ view: 'breakdown' }) },
    { id: 'inbox', words: 'Notifications', icon: 'bell', key: 'I', run: openInbox },
    { id: 'approvals', words: 'What waits for approval', icon: 'approved', key: 'W', run: () => go({ view: 'approvals' }) },
    { id: 'conflicts', words: 'Conflicts', icon: 'arrow-right-left', key: 'C', run: () => go({ view: 'conflicts' }) },
    { id: 'rules', words: 'Rules', icon: 'rules', key: 'R', run: () => go({ view: 'rules' }) },
    { id: 'projects', words: 'All projects', icon: 'film', key: '', run: () => go({ project: null, entity: null }) },
    ...when(doings.mayImport,
      { id: 'new shot', words: 'New shot', icon: 'plus', key: '', run: () => reaches() && doings.onNewShot() },
      { id: 'import', words: 'Import a file', icon: 'upload', key: '', run: () => reaches() && doings.onImport() }),
    { id: 'export', words: 'Export as JSON', icon: 'download', key: '', run: () => reaches() && doings.onExport() },
    ...when(doings.mayCreate, { id: 'new project', words: 'New project', icon: 'plus', key: '', run: () => reaches() && doings.onNew() }),
    { id: 'project settings', words: 'Project settings', icon: 'settings', key: '', run: doings.onSettings },
    { id: 'keys', words: 'Keys', icon: 'keyboard', key: '?', run: doings.onKeys },
    { id: 'light', words: 'Light theme', icon: 'sun', key: '', run: () => (theme.value = 'light') },
    { id: 'dark', words: 'Dark theme', icon: 'moon', key: '', run: () => (theme.value = 'dark') },
    { id: 'system', words: 'Theme as the system', icon: 'sun-moon', key: '', run: () => (theme.value = 'system') },
    { id: 'rows', words: 'Compact or tall rows', icon: 'rows-4', key: '', run: () => (density.value = density.peek() === 'compact' ? 'comfortable' : 'compact') },
    { id: 'sequences', words: 'Group by sequence', icon: 'film', key: '', run: () => (grouping.value = 'sequence') },
    { id: 'scenes', words: 'Group by scene', icon: 'scroll-text', key: '', run: () => (grouping.value = 'scene') },
    { id: 'larger', words: 'Larger panels', icon: 'plus', key: '', run: () => resize(2) },
    { id: 'smaller', words: 'Smaller panels', icon: 'minus', key: '', run: () => resize(-2) },
    { id: 'out', words: 'Sign out', icon: 'log-out', key: '', run: doings.onSignOut },
  ]
}

/** Everybody who is here can be followed from the palette, too. */
function followCommands(others: readonly Person[], following: Following): Command[] {
  return others.map((p) => ({
    id: `follow ${p.user}`,
    words: `${following.user.peek() === p.user ? 'Stop following' : 'Follow'} ${p.name || p.user}`,
    icon: 'eye',
    key: '',
    run: () => following.toggle(p.user),
  }))
}

/** Whoever begins to work where they were brought is not taken away from it; the focus is never left nowhere. */
function useFollowing(following: Following) {
  const person = following.person.value
  useLayoutEffect(() => {
    const onDo = (event: Event) => {
      const at = event.target instanceof Element ? event.target.closest('.inspector') : null
      if (at !== null && (event.type === 'input' || (event.target as Element).closest('button') !== null)) following.stop()
    }
    document.addEventListener('input', onDo)
    document.addEventListener('click', onDo)
    return () => {
      document.removeEventListener('input', onDo)
      document.removeEventListener('click', onDo)
    }
  }, [following])
  useEffect(() => {
    if (person === null) return undefined
    const frame = requestAnimationFrame(() => {
      if (document.activeElement === document.body) document.querySelector<HTMLElement>('main.view')?.focus({ preventScroll: true })
    })
    return () => cancelAnimationFrame(frame)
  }, [person])
}

/** What cannot be shown, and the way on; a server that is away is asked again by itself. */
function Failed({ project }: { project: OpenProject }) {
  const error = project.error.value
  const away = error instanceof Problem && error.code === 'unreachable'
  useEffect(() => {
    if (!away) return
    const timer = setInterval(() => void project.load(), AGAIN)
    return () => clearInterval(timer)
  }, [project, away])
  if (error instanceof Problem && (error.code === 'not_found' || error.code === 'forbidden')) {
    return (
      <Notice icon="file-question" title={error.code === 'not_found' ? `There is no project “${project.id}”` : 'This project is not open to you'}>
        <p>{error.code === 'not_found' ? 'The link may be mistyped, or the project is on another server.' : 'Ask an owner of it for a token.'} Nothing else is affected.</p>
        <p class="actions"><a class="button primary" href="/">All projects</a></p>
      </Notice>
    )
  }
  const { what, next } = explain(error)
  return <Notice icon="cloud-off" title="The project cannot be shown"><p>{what} {next}</p><p class="actions"><button type="button" onClick={() => void project.load()}>Try again</button><a class="button" href="/">All projects</a></p></Notice>
}

function EmptyProject({ mayImport, onNewShot, onImport }: Doings) {
  return (
    <Notice icon="clapperboard" title="Nothing here yet">
      <p>{mayImport ? 'Drop a screenplay (Fountain) or a production (JSON) anywhere on this page, or begin with a first shot.' : 'Shots appear here as soon as somebody makes one.'}</p>
      {mayImport && <p class="actions"><button type="button" data-testid="import" {...needsServer()} onClick={onImport}><Icon name="upload" size={14} />Import a file</button><button type="button" class="primary" data-testid="new-shot" {...needsServer()} onClick={onNewShot}><Icon name="plus" size={14} />New shot</button></p>}
    </Notice>
  )
}

function View({ project, doings, onScreen }: { project: OpenProject; doings: Doings; onScreen(ids: readonly string[]): void }) {
  const { view, entity } = route.value
  // The same functions every time, so that a panel is drawn again only for a reason of its own.
  const stable = useMemo(() => ({ cellOf: (id: string) => project.shots.panel(id), nameOf: (id: string) => project.names.of(id) }), [project])
  const phase = project.phase.value
  if (phase === 'failed') return <Failed project={project} />
  if (view === 'approvals') return <WiredApprovals project={project} onScreen={onScreen} />
  if (view === 'conflicts') return <WiredConflicts project={project} onScreen={onScreen} />
  if (view === 'rules') return <WiredRules project={project} onScreen={onScreen} />
  const groups = project.shots.groups.value
  if (phase === 'loading' && groups.length === 0) return <div class="pad"><Skeleton words="Loading the shots…" rows={8} /></div>
  if (groups.length === 0 && project.shots.sequences.value.size === 0 && project.shots.scenes.value.size === 0) return <EmptyProject {...doings} />
  if (view === 'breakdown') return <WiredBreakdown project={project} onScreen={onScreen} />
  const common = {
    groups,
    washes: project.shots.groupWash.value,
    selected: entity,
    people: project.others.value,
    ...stable,
    hrefOf,
    onScreen,
  }
  return <WiredStoryboard project={project} {...common} />
}

function WiredSafety({ project, onLogIn }: { project: OpenProject; onLogIn(): void }) {
  if (project.phase.value === 'failed') return null
  const { channel, drafts, waiting } = project
  return <Safety live={channel.state.value} refusal={channel.refusal.value} unsent={drafts.unsent.value} behind={waiting.behind.value} stalled={drafts.stalled.value} rejected={drafts.rejected.value.map((id) => project.names.of(id))}
    demoted={project.demoted.value} ending={project.ending.value !== null} onLogIn={onLogIn} />
}

export interface WorkspaceProps extends Pick<Doings, 'mayCreate' | 'mayImport' | 'onNew' | 'onImport' | 'onSignOut'> {
  project: OpenProject
  projects: readonly Project[]
  onLogIn(): void
}

/** The browser downloads what the link serves. */
function download(url: string): void {
  const link = document.createElement('a')
  link.href = url
  link.download = ''
  link.click()
}

export function Workspace({ project, projects, ...rest }: WorkspaceProps) {
  const [asked, setAsked] = useState<'find' | 'keys' | 'settings' | 'new shot' | null>(null)
  const onScreen = useViewing(project)
  useFollowing(project.following)
  const close = useCallback(() => setAsked(null), [])
  const find = useCallback(() => setAsked('find'), [])
  const keys = useCallback(() => setAsked('keys'), [])
  useKeys(project.following, find, keys)
  const search = useCallback(async (words: string) => {
    const { items } = await api.findEntities(project.id, words)
    project.names.learn(items)
    return items
  }, [project])
  const tools = useMemo(() => ({ kindOf: (name: string) => project.kind(name), nameOf: (id: string) => project.names.of(id) }), [project])
  const { view, entity } = route.value
  const inspection = project.inspection.value
  const name = project.project.value?.name ?? project.id
  const title = useComputed(() => [entity === null ? null : project.names.of(entity), project.project.value?.name ?? project.id, 'Ripplecut'].filter(Boolean).join(' · '))
  useEffect(() => {
    document.title = title.value
  }, [title.value, entity])
  const doings: Doings = { ...rest, onNewShot: () => setAsked('new shot'), onExport: () => download(api.exportUrl(project.id)), onSettings: () => setAsked('settings'), onKeys: keys }
  const others = project.company.value
  const { following } = project
  const onFollow = useCallback((user: string) => following.toggle(user), [following])
  const followed = following.user.value === null ? null : { user: following.user.value, name: following.name.value, colour: following.colour.value, away: following.person.value === null }
  const settings = project.project.value
  return (
    <div class={inspection === null ? 'workspace' : 'workspace inspecting'}>
      <Header project={project.id} name={name} projects={projects} view={view} entity={entity} live={project.channel.state.value} unsent={project.drafts.unsent.value} stalled={project.drafts.stalled.value} savedAt={project.savedAt.value}
        me={{ user: project.me.user, name: project.me.user, colour: project.me.colour }} others={others} following={followed} said={following.said.value} nameOf={tools.nameOf} onFollow={onFollow} onFind={find} inbox={<WiredInbox project={project} />} {...doings} />
      <Rail project={project.id} view={view} entity={entity} approvals={project.approvals.open.value} conflicts={project.conflicts.open.value} onKeys={keys} onSignOut={rest.onSignOut} />
      <main class="view" tabIndex={-1} data-view={view} data-phase={project.phase.value} aria-label={LABELS[view]}>
        <WiredSafety project={project} onLogIn={rest.onLogIn} />
        <View project={project} doings={doings} onScreen={onScreen} />
      </main>
      {inspection !== null && project.phase.value !== 'failed' && <WiredInspector key={inspection.id} project={project} open={inspection} onClose={() => leave(inspection.id)} />}
      <BottomLine project={project} />
      {asked === 'find' && (
        <Palette scope={project.id} names={project.names.all()} commands={[...commandsOf(doings), ...followCommands(others, following)]} people={others} {...tools} search={search} onJump={jump} onClose={close} />
      )}
      {asked === 'keys' && <KeysDialog onClose={close} />}
      {asked === 'settings' && settings !== null && <ProjectSettings project={settings} mayChange={project.role.value === 'owner'} onClose={close} onDone={(changed) => {
        project.project.value = changed
        close()
      }} />}
      {asked === 'new shot' && <NewShot project={project.id} sequences={project.shots.groups.value.filter((g) => g.id !== LOOSE)} onClose={close} onDone={(id) => {
        close()
        jump(id)
      }} />}
    </div>
  )
}
