/** Signing in: at the start, and again when a login has ended. */
import { useEffect, useState } from 'preact/hooks'
import { explain } from '../../api/problem.ts'
import { Dialog } from '../../ui/dialog.tsx'

interface LoginProps {
  onToken(token: string): Promise<void>
}

function TokenForm({ onToken, leave, onLeave }: LoginProps & { leave?: string; onLeave?(): void }) {
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (!(event.currentTarget instanceof HTMLFormElement)) return
    const token = String(new FormData(event.currentTarget).get('token') ?? '').trim()
    if (token === '') return
    setBusy(true)
    setError(null)
    try {
      await onToken(token)
    } catch (e) {
      setError(e)
    }
    setBusy(false)
  }
  return (
    <form onSubmit={(e) => void submit(e)}>
      <label class="stack">Token <input name="token" type="password" autocomplete="current-password" required data-testid="token" aria-invalid={error !== null || undefined} /></label>
      {error !== null && <p class="bad" role="alert">{explain(error).what} {explain(error).next}</p>}
      <p class="actions">{onLeave !== undefined && <button type="button" onClick={onLeave}>{leave}</button>}<button type="submit" class="primary" disabled={busy}>{busy ? 'Checking…' : 'Come in'}</button></p>
    </form>
  )
}

export function Login({ onToken }: LoginProps) {
  useEffect(() => {
    document.title = 'Come in · Ripplecut'
  }, [])
  return (
    <main class="entrance" data-login>
      <div>
        <h1>Ripplecut</h1>
        <p class="dim">Paste a token to come in. The server prints one when it starts, and <code>ripplecut token</code> makes more.</p>
        <TokenForm onToken={onToken} />
      </div>
    </main>
  )
}

/** Over what was open: nothing that was typed is lost. */
export function LoginAgain({ ended, unsent, onToken, onLeave }: LoginProps & { ended: boolean; unsent: number; onLeave(): void }) {
  return (
    <Dialog title={ended ? 'Your login has ended' : 'Log in again'} hook="login-again" stays={ended} onClose={onLeave}>
      <p>{unsent === 0 ? 'Everything you typed is saved.' : `${unsent} unsent ${unsent === 1 ? 'edit is' : 'edits are'} kept here and will be sent when you are back.`} Paste a token to go on where you were.</p>
      <TokenForm onToken={onToken} leave={ended ? 'Sign out' : 'Later'} onLeave={onLeave} />
    </Dialog>
  )
}
