/** The live test, as it is shown: change by change, how much a rule decides and what would be another way. */
import type { Tried } from '../../api/rules.ts'
import { explain, Problem } from '../../api/problem.ts'
import { number, Skeleton } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Time } from '../../ui/time.tsx'
import type { Tested } from './live-test.ts'
import { countWords, doneWords } from './words.ts'

export interface TestProps {
  rows: readonly Tested[] | null
  busy: boolean
  error: unknown
  /** The rule that is looked at, as trials name it; null for a new one that has no name yet. */
  ruleId: string | null
  /** It is edited: what is tried is compared with what is so. */
  edited: boolean
  nameOf(id: string): string
}

/** How much of a change the rule decides: with what is edited, else as it is. */
export function decidesOf({ trial }: Tested, id: string | null): number {
  if (trial === null || id === null) return 0
  return (trial.decided.candidate ?? trial.decided.now)[id] ?? 0
}

function titleOf(ids: readonly string[], nameOf: TestProps['nameOf']): string {
  const names = ids.slice(0, 2).map(nameOf).join(', ')
  return ids.length > 2 ? `${names} and ${number(ids.length - 2)} more` : names
}

function Differing({ items }: { items: readonly Tried[] }) {
  return (
    <ul class="tried" tabIndex={0} aria-label="What would have gone another way">
      {items.map((one) => (
        <li key={one.reference ?? one.target?.id} data-tried={one.target?.id}>
          <bdi>{one.target?.name}</bdi> <span class="dim">{one.target?.status}</span>
          <span><del>{doneWords(one.now.verdict)}</del> <Icon name="arrow-right" size={12} /> <ins>{doneWords(one.candidate?.verdict ?? one.now.verdict)}</ins></span>
          <span class="dim tried-why">{one.candidate?.why}</span>
        </li>
      ))}
    </ul>
  )
}

function Row({ row, ruleId, edited, nameOf }: { row: Tested } & Pick<TestProps, 'ruleId' | 'edited' | 'nameOf'>) {
  const { run, trial } = row
  const decides = decidesOf(row, ruleId)
  const differ = trial?.items.filter((one) => one.differs) ?? []
  const { counts } = trial ?? { counts: { now: {}, candidate: null } }
  return (
    <li class={decides === 0 && (trial?.changed ?? 0) === 0 ? 'tested not-about' : 'tested'} data-tested={run.id} data-decides={trial === null ? undefined : decides} data-changed={trial === null ? undefined : trial.changed}>
      <p><b dir="auto">{titleOf(run.asset_ids, nameOf)}</b> <span class="dim">· <bdi>{run.author}</bdi>, <Time iso={run.finished_at ?? run.created_at} /></span></p>
      {run.message !== '' && <p class="dim" dir="auto">“{run.message}”</p>}
      {trial === null ? <p class="dim">…</p> : (
        <>
          <p>{decides === 0 ? <span class="dim">Not about it</span> : <>Decides <b>{number(decides)}</b> of {number(trial.total)}</>}{trial.changed === 0 && trial.total > 0 && <span class="dim">{edited ? ' · nothing goes another way' : ''} · {countWords(counts.now)}</span>}</p>
          {trial.changed > 0 && (
            <details>
              <summary><b>{number(trial.changed)} would have gone another way</b></summary>
              <p class="dim">Now {countWords(counts.now)}. Then {countWords(counts.candidate ?? {})}.</p>
              <Differing items={differ} />
              {trial.changed > differ.length && <p class="dim">and {number(trial.changed - differ.length)} more</p>}
            </details>
          )}
        </>
      )}
    </li>
  )
}

/** A refusal that is shown at its field need not be said twice. */
const saidElsewhere = (error: unknown) => error instanceof Problem && error.code === 'invalid'

export function TestView({ rows, busy, error, ruleId, edited, nameOf }: TestProps) {
  const all = rows ?? []
  const decides = all.reduce((sum, row) => sum + decidesOf(row, ruleId), 0)
  const changed = all.reduce((sum, row) => sum + (row.trial?.changed ?? 0), 0)
  const told = error === null || saidElsewhere(error) ? null : explain(error)
  return (
    <section class="rule-test" tabIndex={0} aria-labelledby="rule-test-head" data-rule-test data-busy={busy ? '' : undefined} data-decides={decides} data-changed={changed}>
      <h2 id="rule-test-head">On the last changes</h2>
      {rows === null && error === null ? <Skeleton words="Loading the last changes…" rows={3} /> : (
        <p role="status" class="rule-test-sum">
          {saidElsewhere(error) ? 'It is tried as soon as nothing is wrong with it.' : told !== null ? `${told.what} ${told.next}` : all.length === 0 ? 'Nothing has changed yet that anything is built on.'
            : <>{decides === 0 ? 'It would have decided nothing' : <>It {edited ? 'would have decided' : 'decides'} <b>{number(decides)}</b> {decides === 1 ? 'use' : 'uses'}</>} in {all.length === 1 ? 'the last change' : `the last ${number(all.length)} changes`}{edited && <>, and <b>{changed === 0 ? 'nothing' : number(changed)}</b> would have gone another way</>}.</>}
        </p>
      )}
      <ol>{all.map((row) => <Row key={row.run.id} row={row} ruleId={ruleId} edited={edited} nameOf={nameOf} />)}</ol>
    </section>
  )
}
