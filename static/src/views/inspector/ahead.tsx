/** Where the draft holds what is not published: what to do about it. */
import { effect } from '@preact/signals'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Inspection } from '../../store/inspection.ts'
import type { FieldSpec } from '../../types.ts'
import { count } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'

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

export interface AheadProps {
  names: readonly string[]
  follow: number
  publishing: boolean
  onPublish(): void
  onImpact(): void
}

export function Ahead({ names, follow, publishing, onPublish, onImpact }: AheadProps) {
  const to = follow === 0 ? 'Publish' : `Publish to ${count(follow, 'shot')}`
  return (
    <div class="ahead" data-draft-ahead>
      <p><Icon name="pencil" size={14} /><span>Not published yet: {names.join(', ')}</span></p>
      <p class="actions">
        <button type="button" class="primary" data-testid="publish" {...needsServer(publishing)} onClick={onPublish}>{publishing ? 'Publishing…' : to}</button>
        <button type="button" data-testid="impact" {...needsServer()} onClick={onImpact}>What would change</button>
      </p>
    </div>
  )
}
