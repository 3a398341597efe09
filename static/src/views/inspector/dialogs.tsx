/** What is asked in front of everything: rolling back, publishing with its impact. */
import { Fragment } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { explain, Problem } from '../../api/problem.ts'
import { needYou } from '../../store/runs.ts'
import { number, Skeleton } from '../../ui/bits.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Icon } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'
import { alike, type Forecast, forecastWords, inOrder, type Known, tally, watchersWords } from './forecast.ts'

export { Dialog } from '../../ui/dialog.tsx'
export type { Forecast } from './forecast.ts'

const SHOWN = 200

/** Each outcome, as it will be: of one, of several. */
const WILL: { [outcome: string]: readonly [string, string] } = {
  updated: ['changes', 'change'],
  pinned: ['stays', 'stay'],
  awaiting_approval: ['asks first', 'ask first'],
  stale: ['goes stale', 'go stale'],
  notified: ['is told', 'are told'],
  blocked: ['is held back', 'are held back'],
}

/** What a change would do, as a sentence, then dependent by dependent with its reason. */
export function ForecastView({ forecast, known }: { forecast: Forecast; known: Known }) {
  const counts = forecast.outcomes.length > 0 ? tally(forecast.outcomes) : forecast.counts
  const words = forecastWords(forecast, known)
  const watchers = watchersWords(forecast, known)
  const shown = inOrder(forecast.outcomes, known)
  return (
    <div data-forecast>
      {forecast.first !== undefined && <p data-forecast-first>{forecast.first}</p>}
      <p>{words === '' ? 'Nothing else would change.' : words}{needYou(counts) > 0 && ' What asks stays as it is until somebody decides.'}{watchers !== '' && <> <span class="dim" data-watchers>{watchers}</span></>}</p>
      {shown.length > 0 && (
        <ul class="outcomes" tabIndex={0} aria-label="What happens to each">
          {alike(shown.slice(0, SHOWN)).map(({ outcome, reason, ids }) => (
            <li key={`${outcome} ${reason}`} data-outcome={outcome} data-ids={ids.length}>
              <b>{number(ids.length)} {WILL[outcome]?.[ids.length > 1 ? 1 : 0] ?? outcome.replaceAll('_', ' ')}</b>
              <div>
                <p>{ids.map((id, i) => <Fragment key={id}>{i > 0 && ', '}<span class="outcome-one"><bdi>{known.nameOf(id)}</bdi>{known.whoHas(id).length > 0 && <small> <Icon name="eye" size={12} /> {known.whoHas(id).join(', ')}</small>}</span></Fragment>)}</p>
                <p class="dim">{reason}</p>
              </div>
            </li>
          ))}
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
  /** What is shown is what is done, where the forecast has a name for it. */
  action: { words: string | ((forecast: Forecast) => string); reason: boolean; run(reason: string, plan?: string): Promise<void> }
  onClose(): void
}

export function ForecastDialog({ title, note, load, known, action, onClose }: ForecastDialogProps) {
  const [forecast, setForecast] = useState<Forecast | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const [reason, setReason] = useState('')
  const loader = useRef(load)
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let gone = false
    loader.current().then((f) => !gone && setForecast(f), (e: unknown) => !gone && setError(e))
    return () => {
      gone = true
    }
  }, [turn])
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    // What was awaited can be done now; who types a reason goes on.
    if (forecast !== null && document.activeElement?.closest('form') !== form.current) form.current?.querySelector<HTMLElement>('button.primary')?.focus()
  }, [forecast])
  const run = async () => {
    setBusy(true)
    setError(null)
    try {
      await action.run(reason.trim(), forecast?.plan)
      onClose()
    } catch (e) {
      setError(e)
      // What it would do by now is what is decided about next.
      if (e instanceof Problem && e.code === 'stale_plan') setTurn(turn + 1)
      setBusy(false)
    }
  }
  const problem = error === null ? null : explain(error)
  const words = typeof action.words === 'string' ? action.words : forecast === null ? 'Publish' : action.words(forecast)
  return (
    <Dialog title={title} onClose={onClose}>
      {forecast === null && error === null && <Skeleton words="Working out what would change…" rows={2} />}
      {forecast !== null && <ForecastView forecast={forecast} known={known} />}
      <p class="dim">{note}</p>
      {problem !== null && <p class="bad" role="alert">{problem.what} {problem.next}</p>}
      <form ref={form} onSubmit={(event) => {
        event.preventDefault()
        void run()
      }}>
        {action.reason && <label class="stack">Reason <input type="text" name="reason" dir="auto" value={reason} placeholder="Why, for whoever reads the history" onInput={(e) => setReason(e.currentTarget.value)} /></label>}
        <p class="actions">
          <button type="button" onClick={onClose}>Leave it</button>
          <button type="submit" class="primary" data-testid="confirm" {...needsServer(busy || forecast === null)}>{busy ? 'Working…' : words}</button>
        </p>
      </form>
    </Dialog>
  )
}
