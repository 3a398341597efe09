/** The inspector: one entity, editable, with why it looks so, what it is built on, and its history. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { explain } from '../../api/problem.ts'
import type { Inspection } from '../../store/inspection.ts'
import type { Usage } from '../../store/shots.ts'
import type { Diff, FieldSpec, Kind, Policy, Resolved, ResolvedRef, Version } from '../../types.ts'
import { KindMark, Notice } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Time } from '../../ui/time.tsx'
import { Sketch } from '../storyboard/sketch.tsx'
import { FieldsView } from './fields.tsx'
import { History } from './history.tsx'
import { References, UsedBy } from './links.tsx'

export interface InspectorProps {
  open: Inspection
  picture: Resolved | undefined
  aspect: number
  usage: Usage
  statuses: readonly string[]
  readonly: boolean
  publishing: boolean
  kindOf(name: string): Kind | undefined
  nameOf(id: string): string
  hrefOf(id: string): string
  diffOf(from: number, to: number): Promise<Diff>
  onClose(): void
  onName(name: string): void
  onStatus(status: string): void
  onPublish(): void
  onProseLeft(): void
  onImpact(): void
  onPolicy(reference: ResolvedRef, policy: Policy): void
  onLook(version: Version, specs: readonly FieldSpec[]): void
  onRollBack(version: Version): void
  onOlder(): void
}

function Frame({ id, title, onClose, children }: { id: string; title: ComponentChildren; onClose(): void; children: ComponentChildren }) {
  const aside = useRef<HTMLElement>(null)
  useEffect(() => {
    aside.current?.scrollTo(0, 0)
  }, [id])
  return (
    <aside ref={aside} class="inspector" aria-label="Inspector" data-inspector={id} tabIndex={-1}>
      <header class="inspector-head">
        {title}
        <button type="button" class="quiet" aria-label="Close the inspector" data-tip="Close (Esc)" onClick={onClose}><Icon name="x" /></button>
      </header>
      {children}
    </aside>
  )
}

/** Only where the draft holds what is not published: what to do about it. */
function Ahead({ props, names }: { props: InspectorProps; names: readonly string[] }) {
  const { usage } = props
  const to = usage.follow === 0 ? 'Publish' : `Publish to ${usage.follow} ${usage.follow === 1 ? 'shot' : 'shots'}`
  return (
    <div class="ahead" data-draft-ahead>
      <p><Icon name="pencil" size={14} /> Draft ahead: {names.join(', ')}</p>
      <p class="actions">
        <button type="button" class="primary" data-testid="publish" disabled={props.publishing} onClick={props.onPublish}>{props.publishing ? 'Publishing…' : to}</button>
        <button type="button" data-testid="impact" onClick={props.onImpact}>What would change</button>
      </p>
    </div>
  )
}

function Why({ resolved, nameOf }: { resolved: Resolved; nameOf(id: string): string }) {
  const { last_outcome: last, stale, stale_reasons: reasons, prompt } = resolved
  return (
    <section class="block" aria-labelledby="why-head" data-why-section>
      <h2 id="why-head">Why it looks so</h2>
      {stale && <p><span class="tag stale"><span class="dot" />stale</span> {reasons.join(' ') || 'Something it is built on has moved on.'}</p>}
      {last === null ? <p class="dim">No run has touched it yet.</p> : (
        <p><b>{last.outcome.replaceAll('_', ' ')}</b>{last.source !== null && ` because of ${nameOf(last.source)}${last.source_version === null ? '' : ` v${last.source_version}`}`}: {last.reason} <span class="dim"><Time iso={last.at} /></span></p>
      )}
      {prompt !== '' && <details><summary>Prompt</summary><p class="prompt">{prompt}</p></details>}
    </section>
  )
}

export function Inspector(props: InspectorProps) {
  const { open, picture, kindOf, nameOf, hrefOf, readonly } = props
  const entity = open.entity.value
  const error = open.error.value
  if (entity === null) {
    const problem = error === null ? null : explain(error)
    return (
      <Frame id={open.id} title={<span class="dim">{open.id}</span>} onClose={props.onClose}>
        {problem === null ? <p class="dim pad" aria-busy="true">Loading…</p> : <Notice icon="file-question" title="This cannot be shown"><p>{problem.what} {problem.next}</p></Notice>}
      </Frame>
    )
  }
  const kind = kindOf(entity.kind)
  const { draft } = open
  const specs = kind?.fields ?? []
  const ready = draft.synced.value
  const ahead = Object.keys(open.ahead.value)
  const locked = readonly || draft.readonly.value
  const values = ready ? draft.values.value : entity.fields
  const resolved = open.resolved.value
  const versions = open.versions.value
  const label = (name: string) => specs.find((s) => s.name === name)?.label.toLowerCase() ?? name
  const { total } = props.usage
  const words = total === 0 ? '' : `used in ${total} ${total === 1 ? 'shot' : 'shots'}`
  return (
    <Frame id={entity.id} title={<KindMark kind={kind} name={entity.kind} />} onClose={props.onClose}>
      {picture !== undefined && <div class="inspector-picture"><Sketch shot={picture} aspect={props.aspect} place="inspector" /></div>}
      <div class="inspector-title">
        <input key={entity.name} class="name" aria-label="Name" defaultValue={entity.name} disabled={locked} data-testid="name"
          onChange={(event) => props.onName(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()} />
        <p class="dim"><span class="mono">{entity.id}</span> · <span class="mono" data-version={entity.version}>v{entity.version}</span>{words !== '' && ` · ${words}`}</p>
      </div>
      {draft.refused.value !== '' && <p class="bad pad" role="alert">The live draft is refused: {draft.refused.value}. What is published is shown.</p>}
      <div class="fields">
        <div class="field" data-field="@status">
          <label htmlFor="field-status">Status</label>
          <select id="field-status" value={entity.status} disabled={readonly} data-testid="status" onChange={(event) => props.onStatus(event.currentTarget.value)}>
            {[...new Set([...props.statuses, entity.status])].map((s) => <option key={s} value={s}>{s}</option>)}
          </select>
        </div>
      </div>
      <FieldsView key={open.id} specs={specs} values={values} draft={draft} ready={ready} readonly={locked} ahead={new Set(ahead)} onProseLeft={props.onProseLeft} />
      {ahead.length > 0 && !locked && <Ahead props={props} names={ahead.map(label)} />}
      {resolved !== null && kind?.category !== 'asset' && <Why resolved={resolved} nameOf={nameOf} />}
      {resolved !== null && <References references={resolved.references} readonly={readonly} kindOf={kindOf} hrefOf={hrefOf} onPolicy={props.onPolicy} />}
      {resolved !== null && <UsedBy resolved={resolved} dependencies={open.dependencies.value} usage={props.usage} kindOf={kindOf} nameOf={nameOf} hrefOf={hrefOf} />}
      <History versions={versions} current={entity.version} specs={specs} more={open.older.value !== null} readonly={readonly} diffOf={props.diffOf}
        onMore={props.onOlder} onLook={(v) => props.onLook(v, specs)} onRollBack={props.onRollBack} />
    </Frame>
  )
}
