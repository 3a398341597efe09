/** An old version, read only: how it looked beside how it looks, and what differs from another one. */
import { useEffect, useState } from 'preact/hooks'
import { explain, Problem } from '../../api/problem.ts'
import { isColour } from '../../sketch/colour.ts'
import { same } from '../../store/overlay.ts'
import type { Diff, Entity, Fields, FieldSpec, Json, Kind, Resolved, ResolvedRef, Version } from '../../types.ts'
import { count, Notice, Skeleton, Swatch, Value } from '../../ui/bits.tsx'
import { Icon, iconName } from '../../ui/icon.tsx'
import { go, hrefOf } from '../../ui/router.ts'
import { Time } from '../../ui/time.tsx'
import { needsServer } from '../../ui/reach.ts'
import { Sketch } from '../storyboard/sketch.tsx'
import { labelOf } from './fields.tsx'
import { FieldChange } from './history.tsx'
import { ScriptPage } from './script.tsx'

export interface LookProps {
  entity: Entity
  number: number
  /** Numbers that can be compared with, newest first. */
  numbers: readonly number[]
  specs: readonly FieldSpec[]
  aspect: number
  readonly: boolean
  kindOf(name: string): Kind | undefined
  versionOf(id: string, number: number): Promise<Version>
  pastOf(version: Version): Promise<Resolved>
  /** Two states as pictures of one shot: of the shot itself, or of a shot that uses the asset. */
  pictured(past: Resolved, now: Fields): { past: Resolved; now: Resolved; of: string } | null
  diffOf(from: number, to: number): Promise<Diff>
  /** Left out where this person may not approve. */
  onApprove?: ((version: Version) => void) | undefined
  onRollBack(version: Version): void
  /** Left out where this person may not restore a whole project. */
  onRestoreProject?: ((version: Version) => void) | undefined
}

interface Loaded {
  version: Version
  past: Resolved
}

function usePast({ number, versionOf, pastOf, entity }: LookProps) {
  const [loaded, setLoaded] = useState<Loaded | null>(null)
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    let gone = false
    setError(null)
    versionOf(entity.id, number).then(async (version) => {
      const past = await pastOf(version)
      if (!gone) setLoaded({ version, past })
    }).catch((e: unknown) => !gone && setError(e))
    return () => {
      gone = true
    }
  }, [entity.id, number, versionOf, pastOf])
  return { loaded: loaded?.version.number === number ? loaded : null, error }
}

function useDiff(from: number, to: number, diffOf: LookProps['diffOf']): Diff | null {
  const [diff, setDiff] = useState<Diff | null>(null)
  useEffect(() => {
    if (from === to) return
    let gone = false
    diffOf(from, to).then((found) => !gone && setDiff(found), () => undefined)
    return () => {
      gone = true
    }
  }, [from, to, diffOf])
  return diff?.from === from && diff.to === to ? diff : null
}

function Beside({ number, now, past, props }: { number: number; now: number; past: Resolved; props: LookProps }) {
  const pair = props.pictured(past, props.entity.fields)
  const colours = props.specs.filter((s) => s.type === 'colour' && (isColour(past.fields[s.name]) || isColour(props.entity.fields[s.name])))
  const side = (words: string, shot: Resolved | undefined, fields: Fields, place: string) => (
    <figure>
      {shot !== undefined && <Sketch shot={shot} aspect={props.aspect} place={place} />}
      {colours.length > 0 && <p class="look-colours">{colours.map((s) => {
        const value = fields[s.name]
        return isColour(value) ? <span key={s.name} class="value-colour"><Swatch colour={value} />{value}</span> : null
      })}</p>}
      <figcaption>{words}</figcaption>
    </figure>
  )
  if (pair === null && colours.length === 0) return null
  return (
    <div class="beside" data-beside>
      {side(`v${number}, then`, pair?.past, past.fields, 'then')}
      {side(`v${now}, now`, pair?.now, props.entity.fields, 'now')}
      {pair !== null && pair.of !== '' && <p class="dim">As {pair.of} shows it.</p>}
    </div>
  )
}

function StillValue({ name, value }: { name: string; value: Json | undefined }) {
  if (name === 'script' && typeof value === 'string' && value !== '') {
    return <ScriptPage label="Script" text={value} />
  }
  return <span class="still" dir="auto"><Value value={value} /></span>
}

function Differences({ diff, specs, names }: { diff: Diff; specs: readonly FieldSpec[]; names(id: string): string }) {
  const label = (name: string) => specs.find((s) => s.name === name)?.label ?? labelOf(name)
  const fields = Object.entries(diff.fields)
  const { added = [], removed = [], changed = [] } = diff.references ?? {}
  const references = [added.length > 0 && `${added.length} added`, removed.length > 0 && `${removed.length} removed`, changed.length > 0 && `${changed.length} moved`].filter(Boolean).join(', ')
  if (fields.length === 0 && references === '' && diff.name === undefined && diff.status === undefined) return <p class="dim">{names(diff.asset_id)} is the same in both.</p>
  return (
    <div class="differences" data-differences={fields.length}>
      {diff.name !== undefined && <FieldChange label="Name" change={diff.name} words={undefined} />}
      {diff.status !== undefined && <FieldChange label="Status" change={diff.status} words={undefined} />}
      {fields.map(([name, change]) => <FieldChange key={name} label={label(name)} change={change} words={change.words} />)}
      {references !== '' && <p class="change"><b>References</b> {references}</p>}
    </div>
  )
}

function Builds({ references, kindOf }: { references: readonly ResolvedRef[]; kindOf: LookProps['kindOf'] }) {
  if (references.length === 0) return null
  return (
    <section class="block" aria-labelledby="then-head">
      <h2 id="then-head">Built on, then</h2>
      <ul class="links">
        {references.map((r) => (
          <li key={r.id}><div class="reference">
            <a href={hrefOf(r.source)} class="link" data-kind={r.kind}><Icon name={iconName(kindOf(r.kind)?.icon ?? 'box')} size={14} /><span class="link-name" dir="auto">{r.name}</span></a>
            <span class="mono dim">v{r.version}</span>
            {Object.keys(r.overrides).length > 0 && <span class="dim">{count(Object.keys(r.overrides).length, 'field')} overridden</span>}
          </div></li>
        ))}
      </ul>
    </section>
  )
}

export function Look(props: LookProps) {
  const { entity, number, numbers, specs } = props
  const { loaded, error } = usePast(props)
  const [other, setOther] = useState<number | null>(null)
  const against = other !== null && other !== number ? other : entity.version
  const [from, to] = against < number ? [against, number] : [number, against]
  const diff = useDiff(from, to, props.diffOf)
  if (error !== null) {
    const gone = error instanceof Problem && error.code === 'not_found'
    return <Notice icon="file-question" title={gone ? `There is no v${number} to look at` : `v${number} cannot be shown`}><p>{gone ? '' : `${explain(error).what} `}The newest is v{entity.version}.</p><p class="actions"><button type="button" onClick={() => go({ version: null })}>Show it as it is now</button></p></Notice>
  }
  if (loaded === null) return <div class="pad"><Skeleton words={`Loading v${number}…`} /></div>
  const { version, past } = loaded
  const changed = (name: string) => !same(version.fields[name], entity.fields[name])
  const names = [...new Set([...specs.map((s) => s.name), ...Object.keys(version.fields)])]
  return (
    <div data-look={number}>
      <div class="looking">
        <p><Icon name="clock" size={14} /><span><b>v{number}</b> as it was, by <bdi>{version.author}</bdi>, <Time iso={version.timestamp} />. Nothing here can be edited.</span></p>
        {version.message !== null && version.message !== '' && <p class="dim" dir="auto">{version.message}</p>}
        <p class="actions">
          <button type="button" class="primary" data-testid="leave-look" onClick={() => go({ version: null })}>Back to now</button>
          {!props.readonly && number !== entity.version && version.cause !== 'parked' && <button type="button" data-testid="roll-back-here" {...needsServer()} aria-label={`Roll back to v${number}`} onClick={() => props.onRollBack(version)}><Icon name="undo" size={14} />Roll back</button>}
          {props.onApprove !== undefined && number !== entity.approved_version && version.cause !== 'parked' && <button type="button" data-testid="approve-version" {...needsServer()} aria-label={`Approve v${number}`} onClick={() => props.onApprove?.(version)}><Icon name="approved" size={14} />Approve</button>}
          {props.onRestoreProject !== undefined && <button type="button" data-testid="restore-project" {...needsServer()} aria-label={`Restore the whole project to when v${number} was made`} onClick={() => props.onRestoreProject?.(version)}><Icon name="clock" size={14} />Whole project…</button>}
        </p>
      </div>
      <Beside number={number} now={entity.version} past={past} props={props} />
      <section class="block" aria-labelledby="differs-head">
        <h2 id="differs-head">From v{from} to v{to}
          <select aria-label="Compare with" data-testid="compare" {...needsServer()} value={String(against)} onChange={(event) => setOther(Number(event.currentTarget.value))}>
            {numbers.filter((n) => n !== number).map((n) => <option key={n} value={String(n)}>with v{n}{n === entity.version ? ', now' : ''}</option>)}
          </select>
        </h2>
        {from === to ? <p class="dim">This is the current version.</p> : diff === null ? <Skeleton words="Comparing…" rows={2} /> : <Differences diff={diff} specs={specs} names={() => entity.name} />}
      </section>
      <dl class="fields still-fields">
        <div class="field"><dt>Name</dt><dd><span class="still" dir="auto">{version.name}</span></dd></div>
        <div class="field"><dt>Status</dt><dd><span class="still">{version.status}</span></dd></div>
        {names.map((name) => (
          <div key={name} class={name === 'script' ? 'field wide' : 'field'} data-then={name} data-differs={changed(name) ? '' : undefined}>
            <dt>{specs.find((s) => s.name === name)?.label ?? labelOf(name)}</dt>
            <dd><StillValue name={name} value={version.fields[name]} />{changed(name) && <small>{' '}is now <Brief value={entity.fields[name]} /></small>}</dd>
          </div>
        ))}
      </dl>
      <Builds references={past.references} kindOf={props.kindOf} />
    </div>
  )
}

/** A long text is compared above, word by word; here it is only said that it differs. */
function Brief({ value }: { value: Json | undefined }) {
  return typeof value === 'string' && value.length > 60 ? <>another text</> : <Value value={value} />
}
