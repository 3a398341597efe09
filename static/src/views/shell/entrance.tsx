/** Before a project: signing in, choosing one. */
import { useState } from 'preact/hooks'
import { explain } from '../../api/problem.ts'
import type { Project } from '../../types.ts'
import { Notice } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { href } from '../../ui/router.ts'

export function Login({ onToken }: { onToken(token: string): Promise<void> }) {
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (!(event.currentTarget instanceof HTMLFormElement)) return
    const token = String(new FormData(event.currentTarget).get('token') ?? '').trim()
    if (token === '') return
    setBusy(true)
    try {
      await onToken(token)
    } catch (e) {
      setError(e)
    }
    setBusy(false)
  }
  return (
    <main class="entrance">
      <form onSubmit={(e) => void submit(e)}>
        <h1>Ripplecut</h1>
        <p class="dim">Paste a token to come in. The server prints one when it starts, and <code>ripplecut token</code> makes more.</p>
        <label class="stack">Token <input name="token" type="password" autocomplete="current-password" required data-testid="token" /></label>
        {error !== null && <p class="bad" role="alert">{explain(error).what} Check that the whole token was pasted.</p>}
        <p class="actions"><button type="submit" class="primary" disabled={busy}>{busy ? 'Checking…' : 'Come in'}</button></p>
      </form>
    </main>
  )
}

export function Projects({ projects, error, onAgain }: { projects: readonly Project[] | null; error: unknown; onAgain(): void }) {
  if (error !== null) {
    const { what, next } = explain(error)
    return <main class="entrance"><Notice icon="cloud-off" title="The projects cannot be shown"><p>{what} {next}</p><p><button type="button" onClick={onAgain}>Try again</button></p></Notice></main>
  }
  if (projects === null) return <main class="entrance"><p class="dim" aria-busy="true">Loading…</p></main>
  if (projects.length === 0) {
    return <main class="entrance"><Notice icon="clapperboard" title="No projects yet"><p>Create one through the API, or import one: <code>ripplecut import FILE --project ID</code>.</p></Notice></main>
  }
  return (
    <main class="entrance">
      <div>
        <h1>Projects</h1>
        <ul class="projects">
          {projects.map((p) => <li key={p.id}><a href={href({ project: p.id, view: 'storyboard', entity: null })} data-project={p.id}><Icon name="clapperboard" /><b>{p.name}</b><span class="mono dim">{p.id}</span></a></li>)}
        </ul>
      </div>
    </main>
  )
}
