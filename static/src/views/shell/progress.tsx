/** The bottom line, only while there is something: what runs, how far, what needs a person. */
import { failures, needYou, type RunLine, sentence } from '../../store/runs.ts'
import { count, number } from '../../ui/bits.tsx'
import { needsServer } from '../../ui/reach.ts'

export interface ProgressProps {
  line: RunLine
  name: string
  version: number | null
  shots: number
  /** Whether this person may do something about it. */
  mayAct: boolean
  onCancel(): void
  onRetry(): void
  onRollBack(): void
}

export function Progress({ line, name, version, shots, mayAct, onCancel, onRetry, onRollBack }: ProgressProps) {
  const { counts, done, processed, total, eta } = line
  const you = needYou(counts)
  const pinned = counts['pinned'] ?? 0
  const said = done ? `${name}: ${sentence(counts) || 'nothing else had to change'}` : `${name} spreads to what is built on it`
  return (
    <footer class="progress" data-progress={Math.round(line.progress)} data-run={line.id} data-done={done ? '' : undefined}>
      <span class="only-read" role="status">{said}</span>
      <span class="progress-name"><b dir="auto">{name}</b>{version !== null && <b class="mono"> v{version}</b>}{shots > 0 && ` → ${count(shots, 'shot')}`}</span>
      {done ? <span>{sentence(counts) || 'Nothing else had to change'}</span> : (
        <>
          <span class="bar" role="progressbar" aria-label={`How far ${name} is`} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(line.progress)}><i style={{ transform: `scaleX(${line.progress / 100})` }} /></span>
          <span class="mono">{number(processed)}/{number(total)}</span>
          {pinned > 0 && <span class="dim">{number(pinned)} pinned</span>}
          {you > 0 && <span class="dim">{number(you)} need{you === 1 ? 's' : ''} you</span>}
          {eta !== null && eta >= 1 && <span class="dim">{Math.ceil(eta)} s left</span>}
        </>
      )}
      {mayAct && (
        <span class="progress-actions">
          {!done && <button type="button" class="quiet" aria-label={`Cancel what ${name} started`} {...needsServer()} onClick={onCancel}>Cancel</button>}
          {done && failures(counts) > 0 && <button type="button" class="quiet" data-testid="retry-run" {...needsServer()} onClick={onRetry}>Retry {count(failures(counts), 'failure')}</button>}
          {done && <button type="button" class="quiet" data-testid="roll-back-run" aria-label={`Roll back what ${name} started`} {...needsServer()} onClick={onRollBack}>Roll back…</button>}
        </span>
      )}
    </footer>
  )
}
