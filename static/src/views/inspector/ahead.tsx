/** Where the draft holds what is not published: what to do about it. */
import { effect } from '@preact/signals'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Inspection } from '../../store/inspection.ts'
import type { FieldSpec } from '../../types.ts'
import { count } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { away, needsServer } from '../../ui/reach.ts'
import { type Forecast, forecastWords, isWide, type Known, reachesMany, repainted } from './forecast.ts'

/** A field that publishes by itself does so well within this; saying so meanwhile would only flash. */
const PATIENCE = 900

/** The names of fields that are ahead for long enough to be worth a word. */
export function useAhead(open: Inspection, specs: readonly FieldSpec[], automatic: boolean): readonly string[] {
  const [shown, setShown] = useState('')
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const waits = new Set(specs.filter((s) => s.type === 'prose').map((s) => s.name))
    const stop = effect(() => {
      const names = Object.keys(open.ahead.value)
      clearTimeout(timer)
      const show = () => setShown(names.join('\n'))
      if (names.length === 0 || !automatic || names.some((name) => waits.has(name))) show()
      else timer = setTimeout(show, PATIENCE)
    })
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [open, specs, automatic])
  return useMemo(() => (shown === '' ? [] : shown.split('\n')), [shown])
}

/** What is typed comes to rest before it is worked out what it would do. */
const REST = 600

/** What publishing would do, while the draft is ahead; the last answer stays until there is another. */
function useForecast(open: Inspection, forecast: AheadProps['forecast']): Forecast | null {
  const [found, setFound] = useState<Forecast | null>(null)
  useEffect(() => {
    let turn = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = effect(() => {
      void open.ahead.value
      if (away.value !== null) return
      clearTimeout(timer)
      timer = setTimeout(() => {
        const mine = ++turn
        forecast().then((now) => mine === turn && setFound(now), () => mine === turn && setFound(null))
      }, REST)
    })
    return () => {
      turn += 1
      clearTimeout(timer)
      stop()
    }
  }, [open, forecast])
  return found
}

/** "Publish to 18 shots": the number is on the button. */
export const publishWords = (shots: number) => (shots === 0 ? 'Publish' : `Publish to ${count(shots, 'shot')}`)

export interface AheadProps {
  open: Inspection
  names: readonly string[]
  /** How many shots follow, until it is worked out what they would do. */
  follow: number
  publishing: boolean
  quiet: number
  known: Known
  forecast(): Promise<Forecast | null>
  onPublish(): void
  onImpact(): void
}

export function Ahead({ open, names, follow, publishing, quiet, known, forecast, onPublish, onImpact }: AheadProps) {
  const found = useForecast(open, forecast)
  const words = found === null ? '' : forecastWords(found, known)
  const wide = found !== null && isWide(found, known)
  return (
    <div class="ahead" data-draft-ahead data-wide={wide ? '' : undefined}>
      <p><Icon name="pencil" size={14} /><span>Not published yet: {names.join(', ')}</span></p>
      {words !== '' && <p class="ahead-words" role="status" data-ahead-forecast>{words}{found !== null && reachesMany(found, known) && quiet > 0 && <span class="dim"> It waits for you, or until nobody has typed for {count(quiet, 'second')}.</span>}</p>}
      <p class="actions">
        {/* Never disabled while it works: it would lose the focus, and the dialog could not give it back. */}
        <button type="button" class="primary" data-testid="publish" aria-busy={publishing} {...needsServer()} onClick={onPublish}>{publishing ? 'Publishing…' : publishWords(found === null ? follow : repainted(found, known))}{wide && !publishing ? '…' : ''}</button>
        <button type="button" data-testid="impact" {...needsServer()} onClick={onImpact}>What would change</button>
      </p>
    </div>
  )
}
