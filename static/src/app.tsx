/** Which screen there is: the login, the projects, or a project; and what may stand in front of each. */
import { effect, signal } from '@preact/signals'
import * as api from './api/endpoints.ts'
import { barChanges, onUnauthenticated } from './api/http.ts'
import { Problem } from './api/problem.ts'
import type { ImportFile } from './store/importing.ts'
import { unsentAnywhere } from './live/drafts.ts'
import { OpenProject } from './store/open-project.ts'
import type { Me, Project } from './types.ts'
import { away, reaches } from './ui/reach.ts'
import { go, route } from './ui/router.ts'
import { count } from './ui/bits.tsx'
import { dismiss, hold, tell, toasts } from './ui/toasts.ts'
import { Icon } from './ui/icon.tsx'
import { chooseFile, FileDrop } from './views/shell/drop.tsx'
import { Login, LoginAgain } from './views/shell/entrance.tsx'
import { ImportDialog } from './views/shell/import.tsx'
import { NewProject } from './views/shell/project-dialogs.tsx'
import { Projects } from './views/shell/projects.tsx'
import { Workspace } from './workspace.tsx'

const me = signal<Me | null>(null)
/** Nothing can be done before somebody logs in. */
const locked = signal(false)
/** Somebody logs in anew before they have to. */
const ahead = signal(false)
const projects = signal<readonly Project[] | null>(null)
const error = signal<unknown>(null)
const open = signal<OpenProject | null>(null)
const dropped = signal<ImportFile | null>(null)
const naming = signal(false)

/** How soon a server that could not be reached is asked again. */
const AGAIN = 3_000

const lock = () => {
  locked.value = true
}

onUnauthenticated(lock)
barChanges(() => away.peek())

async function listAll(): Promise<Project[]> {
  projects.value = (await api.listProjects()).items
  return [...projects.value]
}

/** Somebody who comes by the printed link, and has one project, wants to be in it. */
function cameByLink(): boolean {
  const [entry] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return entry?.type === 'navigate' && entry.redirectCount > 0
}

/** `token`: what somebody has just logged in with. */
async function enter(straight: boolean, token: string | null = null): Promise<void> {
  error.value = null
  try {
    const who = await api.readMe()
    const before = me.peek()
    // The same person again: what was open stays open, with everything that was typed.
    if (before === null || before.user !== who.user || before.role !== who.role || before.project_id !== who.project_id) me.value = who
    locked.value = false
    ahead.value = false
    open.peek()?.resume(token)
    const items = await listAll()
    const only = items[0]
    if (straight && route.peek().project === null && items.length === 1 && only !== undefined) go({ project: only.id, view: 'storyboard', entity: null }, true)
  } catch (e) {
    if (locked.peek()) return
    error.value = e
    if (e instanceof Problem && e.code === 'unreachable') setTimeout(() => void enter(straight), AGAIN)
  }
}

/** The live connection was refused: the cookie may be of a newer login, from another window, and if it is of the same person, nobody needs to be asked. */
async function comeBack(): Promise<void> {
  const [who, before] = [await api.readMe().catch(() => null), me.peek()]
  if (who !== null && who.user === before?.user) void enter(false)
  else lock()
}

effect(() => {
  const [who, id] = [me.value, route.value.project]
  const before = open.peek()
  const same = before !== null && before.me.user === who?.user
  if (same && before.id === id) return
  // Somebody else may not send in their name what is unsent.
  before?.close(same)
  open.value = who === null || id === null ? null : new OpenProject(id, who, () => void comeBack())
  // Coming back to the list, it shows what has changed meanwhile.
  if (before !== null && id === null && who !== null) void listAll().catch(() => undefined)
})

void enter(cameByLink())

// Leaving with unsent edits asks first; the browser words the question.
globalThis.addEventListener('beforeunload', (event) => {
  if (unsentAnywhere() > 0) event.preventDefault()
})

function Toasts() {
  return (
    <div class="toasts" role="region" aria-label="Messages" aria-live="polite">
      {toasts.value.map((t) => (
        <div key={t.id} class={`toast ${t.tone}`} onPointerEnter={() => hold(t.id)} onFocusIn={() => hold(t.id)}>
          <p><b>{t.what}</b> {t.next}</p>
          {t.action !== undefined && (
            <button type="button" data-testid="toast-action" onClick={() => {
              dismiss(t.id)
              t.action?.run()
            }}>{t.action.words}</button>
          )}
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(t.id)}><Icon name="x" size={14} /></button>
        </div>
      ))}
    </div>
  )
}

function signOut(): void {
  const unsent = unsentAnywhere()
  if (unsent === 0) void leave()
  else tell(`${count(unsent, 'change is', 'changes are')} not sent yet.`, 'Whoever signs out now loses what waits here.', { words: 'Sign out all the same', run: () => void leave() })
}

async function leave(): Promise<void> {
  await api.logout().catch(() => undefined)
  me.value = null
  projects.value = null
  locked.value = true
}

async function logIn(token: string): Promise<void> {
  const [who, before, unsent] = [await api.login(token), me.peek(), unsentAnywhere()]
  if (before !== null && who.user !== before.user && unsent > 0) {
    await api.logout().catch(() => undefined)
    throw new Problem(0, 'somebody_else', 'Somebody else', `This token is ${who.user}'s, and ${count(unsent, `change of ${before.user}'s waits`, `changes of ${before.user}'s wait`)} here.`)
  }
  await enter(true, token)
}

/** Goes there, and shows what is new in it. */
async function settle(project: string): Promise<void> {
  dropped.value = null
  naming.value = false
  if (open.peek()?.id === project) await open.peek()?.load()
  else go({ project, view: 'storyboard', entity: null })
  await listAll().catch(() => undefined)
}

export function App() {
  const who = me.value
  if (locked.value && who === null) return <Login onToken={logIn} />
  const project = open.value
  const list = projects.value ?? []
  const role = project?.role.value ?? who?.role ?? 'viewer'
  const mayCreate = who !== null && who.project_id === null && role !== 'viewer'
  const mayImport = who !== null && role !== 'viewer'
  const here = project === null ? null : (list.find((p) => p.id === project.id) ?? { id: project.id, name: project.project.value?.name ?? project.id })
  const file = dropped.value
  const onNew = () => (naming.value = true)
  return (
    <>
      {project === null
        ? <Projects projects={projects.value} error={error.value} mayCreate={mayCreate} onAgain={() => void enter(false)} onNew={onNew} onImport={chooseFile} onSignOut={signOut} />
        : <Workspace key={project.id} project={project} projects={list} mayCreate={mayCreate} mayImport={mayImport} onNew={onNew} onImport={chooseFile} onSignOut={signOut} onLogIn={() => (ahead.value = true)} />}
      {mayImport && (project !== null || mayCreate) && <FileDrop onFile={(found) => reaches() && (dropped.value = found)} />}
      {file !== null && <ImportDialog key={`${file.name} ${file.text.length}`} file={file} projects={here === null ? [] : [here]} mayCreate={mayCreate} onDone={(id) => void settle(id)} onClose={() => (dropped.value = null)} />}
      {naming.value && <NewProject onDone={(made) => void settle(made.id)} onClose={() => (naming.value = false)} />}
      {(locked.value || ahead.value) && <LoginAgain ended={locked.value} unsent={project?.drafts.unsent.value ?? 0} onToken={logIn} onLeave={() => {
        ahead.value = false
        if (locked.peek()) me.value = null
      }} />}
      <Toasts />
    </>
  )
}
