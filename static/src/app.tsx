/** Which screen there is: the login, the projects, or a project. */
import { effect, signal } from '@preact/signals'
import * as api from './api/endpoints.ts'
import { onUnauthenticated } from './api/http.ts'
import { OpenProject } from './store/open-project.ts'
import type { Me, Project } from './types.ts'
import { go, route } from './ui/router.ts'
import { dismiss, toasts } from './ui/toasts.ts'
import { Icon } from './ui/icon.tsx'
import { Login, Projects } from './views/shell/entrance.tsx'
import { Workspace } from './workspace.tsx'

const me = signal<Me | null>(null)
const locked = signal(false)
const projects = signal<readonly Project[] | null>(null)
const error = signal<unknown>(null)
const open = signal<OpenProject | null>(null)

const lock = () => {
  locked.value = true
}

onUnauthenticated(lock)

async function enter(): Promise<void> {
  error.value = null
  try {
    me.value = await api.readMe()
    locked.value = false
    const page = await api.listProjects()
    projects.value = page.items
    const only = page.items[0]
    if (route.peek().project === null && page.items.length === 1 && only !== undefined) go({ project: only.id, view: 'storyboard', entity: null }, true)
  } catch (e) {
    if (!locked.peek()) error.value = e
  }
}

effect(() => {
  const [who, id] = [me.value, route.value.project]
  const before = open.peek()
  if (before !== null && before.id === id && before.me === who) return
  before?.close()
  open.value = who === null || id === null ? null : new OpenProject(id, who, lock)
})

void enter()

function Toasts() {
  return (
    <div class="toasts" role="region" aria-label="Messages" aria-live="polite">
      {toasts.value.map((t) => (
        <div key={t.id} class={`toast ${t.tone}`} role={t.tone === 'bad' ? 'alert' : 'status'}>
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

async function signOut(): Promise<void> {
  await api.logout().catch(() => undefined)
  me.value = null
  locked.value = true
}

export function App() {
  if (locked.value) return <Login onToken={async (token) => { await api.login(token); await enter() }} />
  const project = open.value
  return (
    <>
      {project === null ? <Projects projects={projects.value} error={error.value} onAgain={() => void enter()} /> : <Workspace key={project.id} project={project} onSignOut={() => void signOut()} />}
      <Toasts />
    </>
  )
}
