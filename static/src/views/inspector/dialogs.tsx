/** What is asked in front of everything: rolling back, publishing with its impact. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { explain } from '../../api/problem.ts'
import { needYou } from '../../store/runs.ts'
import { Skeleton } from '../../ui/bits.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { needsServer } from '../../ui/reach.ts'
import { type Forecast, forecastWords, type Known, tally } from './forecast.ts'

export { Dialog } from '../../ui/dialog.tsx'
export type { Forecast } from './forecast.ts'

const SHOWN = 200

/** Each outcome, as it will be. */
const WILL: { [outcome: string]: string } = { updated: 'changes', pinned: 'stays', awaiting_approval: 'asks first', stale: 'goes stale', notified: 'is told', blocked: 'is held back' }

/** What a change would do, as a sentence, then dependent by dependent with its reason. */
export function ForecastView({ forecast, known }: { forecast: Forecast; known: Known }) {
  const counts = forecast.outcomes.length > 0 ? tally(forecast.outcomes) : forecast.counts
  const words = forecastWords(forecast, known)
  const shown = forecast.outcomes.filter((o) => o.outcome !== 'unchanged')
  return (
    <div data-forecast>
      <p>{words === '' ? 'Nothing else would change.' : words}{needYou(counts) > 0 && ' What asks stays as it is until somebody decides.'}</p>
      {shown.length > 0 && (
        <ul class="outcomes" tabIndex={0} aria-label="What happens to each">
          {shown.slice(0, SHOWN).map((o) => <li key={o.entity_id} data-outcome={o.outcome}><bdi>{known.nameOf(o.entity_id)}</bdi><b>{WILL[o.outcome] ?? o.outcome.replaceAll('_', ' ')}</b><span class="dim">{o.reason}</span></li>)}
          {shown.length > SHOWN && <li class="dim">and {shown.length - SHOWN} more</li>}
        </ul>
      )}
    </div>
  )
}

export interface ForecastDialogProps {
  title: string
  /** What stays safe whatever is decided. */
  note: string
  load(): Promise<Forecast>
  known: Known
  action: { words: string; reason: boolean; run(reason: string): Promise<void> }
  onClose(): void
}

export function ForecastDialog({ title, note, load, known, action, onClose }: ForecastDialogProps) {
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
      await action.run(reason.trim())
      onClose()
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  const problem = error === null ? null : explain(error)
  return (
    <Dialog title={title} onClose={onClose}>
      {forecast === null && error === null && <Skeleton words="Working out what would change…" rows={2} />}
      {forecast !== null && <ForecastView forecast={forecast} known={known} />}
      <p class="dim">{note}</p>
      {problem !== null && <p class="bad" role="alert">{problem.what} {problem.next}</p>}
      <form onSubmit={(event) => {
        event.preventDefault()
        void run()
      }}>
        {action.reason && <label class="stack">Reason <input type="text" name="reason" dir="auto" value={reason} placeholder="Why, for whoever reads the history" onInput={(e) => setReason(e.currentTarget.value)} /></label>}
        <p class="actions">
          <button type="button" onClick={onClose}>Leave it</button>
          <button type="submit" class="primary" data-testid="confirm" {...needsServer(busy || forecast === null)}>{busy ? 'Working…' : action.words}</button>
        </p>
      </form>
    </Dialog>
  )
}
