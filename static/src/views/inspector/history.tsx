/** The versions of an entity, newest first: who, when, what; look at one, or roll back to it. */
import { useEffect, useState } from 'preact/hooks'
import { colourName, isColour } from '../../sketch/colour.ts'
import { versionNumber } from '../../store/follow.ts'
import { same } from '../../store/overlay.ts'
import type { Change, Diff, FieldSpec, Json, Version, WordStep } from '../../types.ts'
import { Skeleton, Swatch, Value } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { needsServer } from '../../ui/reach.ts'
import { Time } from '../../ui/time.tsx'

export interface HistoryProps {
  versions: readonly Version[] | null
  current: number
  approved: number | null
  /** May this person move what `approved` references follow? */
  mayApprove: boolean
  specs: readonly FieldSpec[]
  more: boolean
  readonly: boolean
  diffOf(from: number, to: number): Promise<Diff>
  onMore(): void
  onLook(version: Version): void
  onRollBack(version: Version): void
  /** One field, back to what a version had there. */
  onTakeBack(number: number, field: NamedField): void
  onApprove(version: Version): void
}

/** A field as it is stored, and as people read it. */
export interface NamedField {
  name: string
  label: string
}

const OWN: { [name: string]: string } = { '@name': 'Name', '@status': 'Status', '@references': 'References' }
const CAUSES: { [cause: string]: string } = { run: 'by a run', rollback: 'rolled back', import: 'imported', parked: 'set aside before a rollback', reference: 'a reference moved', api: 'through the API' }

/** Long unchanged stretches shrink to their ends, so that the change is what one sees. */
export function abridge(words: readonly WordStep[]): WordStep[] {
  return words.map((step, i) => {
    if (step.op !== 'equal' || step.text.length < 48) return step
    const head = /^.{0,20}(?=\s)/s.exec(step.text)?.[0] ?? step.text.slice(0, 20)
    const tail = /(?<=\s)\S.{0,20}$/s.exec(step.text)?.[0] ?? step.text.slice(-20)
    if (i === 0) return { ...step, text: `…${tail}` }
    return { ...step, text: i === words.length - 1 ? `${head}…` : `${head} … ${tail}` }
  })
}

export function Words({ words }: { words: readonly WordStep[] }) {
  return (
    <>
      {abridge(words).map((step, i) => {
        const key = `${i} ${step.op}`
        return step.op === 'insert' ? <ins key={key}>{step.text}</ins> : step.op === 'delete' ? <del key={key}>{step.text}</del> : <span key={key}>{step.text}</span>
      })}
    </>
  )
}

function isChange(value: Json | undefined): value is { from: Json; to: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && ('from' in value || 'to' in value)
}

export function FieldChange({ label, change, words }: { label: string; change: Change; words: readonly WordStep[] | undefined }) {
  if (words !== undefined) return <p class="change"><b>{label}</b> <Words words={words} /></p>
  const { from, to } = change
  if (isColour(from) || isColour(to)) {
    return <p class="change"><b>{label}</b> <Tint value={from} /> <Icon name="arrow-right" size={12} /> <Tint value={to} /></p>
  }
  const long = typeof to === 'string' && to.length > 60
  if (long) return <p class="change"><b>{label}</b> rewritten</p>
  return <p class="change"><b>{label}</b> <del><Value value={from} /></del> <ins><Value value={to} /></ins></p>
}

/** A colour in the history: its swatch, its everyday name, and the exact one on hover. */
function Tint({ value }: { value: Json }) {
  return isColour(value) ? <span class="value-colour" title={value}><Swatch colour={value} />{colourName(value)}</span> : <Value value={value} />
}

export function references(value: Json | undefined): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'References changed'
  const count = (key: string) => (Array.isArray(value[key]) ? value[key].length : 0)
  const words = (['added', 'removed', 'changed'] as const).filter((k) => count(k) > 0).map((k) => `${count(k)} ${k}`)
  return `References: ${words.join(', ') || 'changed'}`
}

interface RowProps extends Pick<HistoryProps, 'specs' | 'readonly' | 'mayApprove' | 'diffOf' | 'onLook' | 'onRollBack' | 'onTakeBack' | 'onApprove'> {
  version: Version
  isCurrent: boolean
  isApproved: boolean
}

const VersionRow = memo(function VersionRow({ version, isCurrent, isApproved, ...props }: RowProps) {
  const [diff, setDiff] = useState<Diff | null>(null)
  const { number, changes } = version
  // The first version has no before to compare with: saying what it is says enough.
  const first = number === 1
  const prose = Object.keys(changes).some((name) => props.specs.find((s) => s.name === name)?.type === 'prose')
  const before = versionNumber(version.previous_version) ?? number - 1
  const { diffOf } = props
  useEffect(() => {
    if (!prose || first || before < 1) return
    let gone = false
    diffOf(before, number).then((found) => !gone && setDiff(found), () => undefined)
    return () => {
      gone = true
    }
  }, [prose, first, before, number, diffOf])
  const label = (name: string) => props.specs.find((s) => s.name === name)?.label ?? OWN[name] ?? name
  const entries = first ? [] : Object.entries(changes).filter(([, c]) => !isChange(c) || !same(c.from, c.to))
  const cause = CAUSES[version.cause]
  return (
    <li data-history-version={number} class={isCurrent ? 'version current' : 'version'}>
      <b class="mono">v{number}{isApproved && <span class="approved-mark" role="img" aria-label="approved" data-tip="References that follow approved stand here"><Icon name="approved" size={12} /></span>}</b>
      <div class="version-what">
        {version.message && <p class="change" dir="auto">{version.message}</p>}
        {entries.map(([name, change]) => (
          <div class="version-field" key={name}>
            {name === '@references' ? <p class="change">{references(change)}</p>
              : isChange(change) ? <FieldChange label={label(name)} change={change} words={diff?.fields[name]?.words} /> : null}
            {!props.readonly && version.cause !== 'parked' && before >= 1 && (
              <button type="button" class="take-back" {...needsServer()} aria-label={`Roll ${label(name)} back to v${before}`} data-tip={`Only this, back to v${before}`}
                onClick={() => props.onTakeBack(before, { name, label: label(name) })}><Icon name="undo" size={12} /></button>
            )}
          </div>
        ))}
        {entries.length === 0 && !version.message && <p class="change dim">{first ? 'Created' : 'No difference in fields'}</p>}
        <p class="dim">{version.author}{cause !== undefined && ` · ${cause}`} · <Time iso={version.timestamp} /></p>
      </div>
      <div class="version-do">
        <button type="button" data-testid="look" {...needsServer()} aria-label={`Look at v${number}`} onClick={() => props.onLook(version)}>Look</button>
        {!isCurrent && version.cause !== 'parked' && !props.readonly && (
          <button type="button" data-testid="roll-back" {...needsServer()} onClick={() => props.onRollBack(version)}><Icon name="undo" size={12} />Roll back</button>
        )}
        {props.mayApprove && isCurrent && !isApproved && <button type="button" data-testid="approve-version" {...needsServer()} aria-label={`Approve v${number}`} onClick={() => props.onApprove(version)}>Approve</button>}
      </div>
    </li>
  )
})

export const History = memo(function History(props: HistoryProps) {
  const { versions, more, onMore, current, approved, specs, readonly, mayApprove, diffOf, onLook, onRollBack, onTakeBack, onApprove } = props
  const row = { specs, readonly, mayApprove, diffOf, onLook, onRollBack, onTakeBack, onApprove }
  return (
    <section aria-labelledby="history-head" class="block">
      <h2 id="history-head">History</h2>
      {versions === null ? <Skeleton words="Loading the history…" rows={3} /> : versions.length === 0 ? <p class="dim">No versions yet.</p> : (
        <ol class="history">{versions.map((v) => <VersionRow key={v.number} version={v} isCurrent={v.number === current} isApproved={v.number === approved} {...row} />)}</ol>
      )}
      {more && <button type="button" {...needsServer()} onClick={onMore}>Show older versions</button>}
    </section>
  )
})
