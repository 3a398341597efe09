/** The one file that wires a project's store to its views. */
import { useComputed } from '@preact/signals'
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import * as api from './api/endpoints.ts'
import { explain } from './api/problem.ts'
import { inspect, type OpenProject } from './store/open-project.ts'
import { Notice } from './ui/bits.tsx'
import { density, theme } from './ui/preferences.ts'
import { go, hrefOf, route } from './ui/router.ts'
import { fail } from './ui/toasts.ts'
import { WiredBreakdown } from './views/breakdown/wired.tsx'
import { WiredInspector } from './views/inspector/wired.tsx'
import { Header } from './views/shell/header.tsx'
import { type Command, Palette } from './views/shell/palette.tsx'
import { Progress } from './views/shell/progress.tsx'
import { Rail } from './views/shell/rail.tsx'
import { WiredStoryboard } from './views/storyboard/wired.tsx'

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

function useKeys(onFind: () => void, onKeys: () => void) {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key === 'k' && (event.metaKey || event.ctrlKey)) {
        event.preventDefault()
        onFind()
        return
      }
      if (event.key === 'Escape' && !event.defaultPrevented && document.querySelector('dialog[open]') === null) {
        const id = route.peek().entity
        if (id === null) return
        // Leaving a field by Esc keeps what was typed; it goes the way of every blur.
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
        inspect(null)
        document.querySelector<HTMLElement>(`[data-panel="${CSS.escape(id)}"] .panel-link, .breakdown`)?.focus()
        return
      }
      if (typing(event) || event.metaKey || event.ctrlKey || event.altKey) return
      if (event.key === 'b') go({ view: 'breakdown' })
      else if (event.key === 's') go({ view: 'storyboard' })
      else if (event.key === '?') onKeys()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [onFind, onKeys])
}

function commandsOf(onSignOut: () => void): Command[] {
  return [
    { id: 'storyboard', words: 'Go to the storyboard', icon: 'clapperboard', key: 'S', run: () => go({ view: 'storyboard' }) },
    { id: 'breakdown', words: 'Go to the breakdown', icon: 'rows-3', key: 'B', run: () => go({ view: 'breakdown' }) },
    { id: 'light', words: 'Light theme', icon: 'sun', key: '', run: () => (theme.value = 'light') },
    { id: 'dark', words: 'Dark theme', icon: 'moon', key: '', run: () => (theme.value = 'dark') },
    { id: 'system', words: 'Theme as the system', icon: 'sun-moon', key: '', run: () => (theme.value = 'system') },
    { id: 'rows', words: 'Compact or tall rows', icon: 'rows-4', key: '', run: () => (density.value = density.peek() === 'compact' ? 'comfortable' : 'compact') },
    { id: 'out', words: 'Sign out', icon: 'log-out', key: '', run: onSignOut },
  ]
}

/** Leaving with unsent edits asks first; the browser words the question. */
function useUnsentGuard(project: OpenProject) {
  useEffect(() => {
    const onLeave = (event: BeforeUnloadEvent) => {
      if (project.drafts.unsent.peek() > 0) event.preventDefault()
    }
    globalThis.addEventListener('beforeunload', onLeave)
    return () => globalThis.removeEventListener('beforeunload', onLeave)
  }, [project])
}

function View({ project, onScreen }: { project: OpenProject; onScreen(ids: readonly string[]): void }) {
  const { view, entity } = route.value
  // The same functions every time, so that a panel is drawn again only for a reason of its own.
  const stable = useMemo(() => ({ cellOf: (id: string) => project.shots.panel(id), nameOf: (id: string) => project.names.of(id) }), [project])
  const phase = project.phase.value
  if (phase === 'failed') {
    const { what, next } = explain(project.error.value)
    return <Notice icon="cloud-off" title="The project cannot be shown"><p>{what} {next}</p><p><button type="button" onClick={() => void project.load()}>Try again</button></p></Notice>
  }
  const groups = project.shots.groups.value
  if (phase === 'loading' && groups.length === 0) return <p class="dim pad" aria-busy="true">Loading the shots…</p>
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

function BottomLine({ project }: { project: OpenProject }) {
  const line = project.runs.line.value
  if (line === null) return null
  void project.names.versions.value
  const known = project.names.get(line.asset)
  return <Progress line={line} name={known?.name ?? line.asset} version={known?.version ?? null} shots={project.shots.usage(line.asset).total} onCancel={() => void api.cancelRun(line.id).catch(fail)} />
}

function Offline({ project }: { project: OpenProject }) {
  const state = project.channel.state.value
  const unsent = project.drafts.unsent.value
  if (state === 'refused') return <p class="banner bad" role="alert">The live connection is refused: {project.channel.refusal.value} What is shown may be old.</p>
  if (state !== 'offline') return null
  return (
    <p class="banner" role="status" data-offline={unsent}>
      Offline. {unsent === 0 ? 'Nothing is waiting to be sent.' : `${unsent} ${unsent === 1 ? 'edit is' : 'edits are'} kept here and will be sent when the connection is back.`} What others do is not shown meanwhile.
    </p>
  )
}

export function Workspace({ project, onSignOut }: { project: OpenProject; onSignOut(): void }) {
  const [finding, setFinding] = useState(false)
  const [keys, setKeys] = useState(false)
  const onScreen = useViewing(project)
  useUnsentGuard(project)
  const find = useCallback(() => setFinding(true), [])
  useKeys(find, useCallback(() => setKeys((is) => !is), []))
  const search = useCallback(async (words: string) => {
    const { items } = await api.findEntities(project.id, words)
    project.names.learn(items)
    return items
  }, [project])
  const { view, entity } = route.value
  const inspection = project.inspection.value
  const title = useComputed(() => `${project.project.value?.name ?? project.id} · Ripplecut`)
  useEffect(() => {
    document.title = title.value
  }, [title.value])
  return (
    <div class={inspection === null ? 'workspace' : 'workspace inspecting'}>
      <Header project={project.id} name={project.project.value?.name ?? project.id} view={view} entity={entity} live={project.channel.state.value} unsent={project.drafts.unsent.value} savedAt={project.savedAt.value}
        me={{ user: project.me.user, name: project.me.user, colour: project.me.colour }} others={project.others.value} nameOf={(id) => project.names.of(id)} onFind={find} />
      <Rail keys={keys} onKeys={setKeys} onFind={find} onSignOut={onSignOut} />
      <main class="view" data-view={view} data-phase={project.phase.value} aria-label={view === 'breakdown' ? 'Breakdown' : 'Storyboard'}>
        <Offline project={project} />
        <View project={project} onScreen={onScreen} />
      </main>
      {inspection !== null && <WiredInspector key={inspection.id} project={project} open={inspection} />}
      <BottomLine project={project} />
      {finding && (
        <Palette names={project.names.all()} commands={commandsOf(onSignOut)} kindOf={(name) => project.kind(name)} search={search} onJump={inspect} onClose={() => setFinding(false)} />
      )}
    </div>
  )
}
