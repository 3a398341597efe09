/** What is asked or shown in front of everything: rolling back, an impact, an old version. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { explain } from '../../api/problem.ts'
import { needYou, sentence } from '../../store/runs.ts'
import type { Counts, FieldSpec, OutcomeRow, Version } from '../../types.ts'
import { Value } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Time } from '../../ui/time.tsx'

export function Dialog({ title, children, onClose }: { title: string; children: ComponentChildren; onClose(): void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const at = dialog.current
    if (at !== null && !at.open) at.showModal()
  }, [])
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={onClose} onClick={(event) => {
      if (event.target === dialog.current) dialog.current?.close()
    }}>
      <div class="dialog">
        <header>
          <h2 id="dialog-title">{title}</h2>
          <button type="button" class="quiet" aria-label="Close" onClick={() => dialog.current?.close()}><Icon name="x" /></button>
        </header>
        {children}
      </div>
    </dialog>
  )
}

export interface Forecast {
  counts: Counts
  outcomes: readonly OutcomeRow[]
}

/** What a change would do, as a sentence, then dependent by dependent with its reason. */
export function ForecastView({ forecast, nameOf }: { forecast: Forecast; nameOf(id: string): string }) {
  const counts = Object.keys(forecast.counts).length > 0 ? forecast.counts : tally(forecast.outcomes)
  const words = sentence(counts)
  const shown = forecast.outcomes.filter((o) => o.outcome !== 'unchanged')
  return (
    <div data-forecast>
      <p>{words === '' ? 'Nothing else would change.' : `${words}.`}{needYou(counts) > 0 && ' What needs you stays as it is until somebody decides.'}</p>
      {shown.length > 0 && (
        <ul class="outcomes">
          {shown.slice(0, 200).map((o) => <li key={o.entity_id} data-outcome={o.outcome}><span>{nameOf(o.entity_id)}</span><b>{o.outcome.replaceAll('_', ' ')}</b><span class="dim">{o.reason}</span></li>)}
          {shown.length > 200 && <li class="dim">and {shown.length - 200} more</li>}
        </ul>
      )}
    </div>
  )
}

function tally(outcomes: readonly OutcomeRow[]): Counts {
  const counts: Counts = {}
  for (const o of outcomes) counts[o.outcome] = (counts[o.outcome] ?? 0) + 1
  return counts
}

export interface ForecastDialogProps {
  title: string
  load(): Promise<Forecast>
  nameOf(id: string): string
  /** Left out where there is only something to see. */
  action?: { words: string; reason: boolean; run(reason: string): Promise<void> }
  onClose(): void
}

export function ForecastDialog({ title, load, nameOf, action, onClose }: ForecastDialogProps) {
  const [forecast, setForecast] = useState<Forecast | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const [reason, setReason] = useState('')
  const loader = useRef(load)
  useEffect(() => {
    let gone = false
    loader.current().then((f) => !gone && setForecast(f), (e: unknown) => !gone && setError(e))
    return () => {
      gone = true
    }
  }, [])
  const run = async () => {
    setBusy(true)
    setError(null)
    try {
      await action?.run(reason.trim())
      onClose()
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  const problem = error === null ? null : explain(error)
  return (
    <Dialog title={title} onClose={onClose}>
      {forecast === null && error === null && <p class="dim" aria-busy="true">Working out what would change…</p>}
      {forecast !== null && <ForecastView forecast={forecast} nameOf={nameOf} />}
      {problem !== null && <p class="bad" role="alert">{problem.what} {problem.next}</p>}
      {action !== undefined && (
        <form method="dialog" onSubmit={(event) => {
          event.preventDefault()
          void run()
        }}>
          {action.reason && <label class="stack">Reason <input type="text" name="reason" value={reason} placeholder="Why, for whoever reads the history" onInput={(e) => setReason(e.currentTarget.value)} /></label>}
          <p class="actions">
            <button type="button" onClick={onClose}>Leave it</button>
            <button type="submit" class="primary" data-testid="confirm" disabled={busy || forecast === null}>{busy ? 'Working…' : action.words}</button>
          </p>
        </form>
      )}
    </Dialog>
  )
}

export function LookDialog({ version, specs, onClose }: { version: Version; specs: readonly FieldSpec[]; onClose(): void }) {
  const names = [...new Set([...specs.map((s) => s.name), ...Object.keys(version.fields)])]
  return (
    <Dialog title={`${version.name} v${version.number}`} onClose={onClose}>
      <p class="dim">{version.author} · <Time iso={version.timestamp} /> · {version.status}{version.message && ` · ${version.message}`}</p>
      <dl class="look">
        {names.map((name) => <div key={name}><dt>{specs.find((s) => s.name === name)?.label ?? name}</dt><dd><Value value={version.fields[name]} /></dd></div>)}
      </dl>
    </Dialog>
  )
}
