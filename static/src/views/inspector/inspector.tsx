/** The inspector: one entity, editable, with why it looks so, what it is built on, and its history. */
import { type ReadonlySignal, useComputed } from '@preact/signals'
import { useCallback, useMemo, useRef } from 'preact/hooks'
import { explain, Problem } from '../../api/problem.ts'
import type { Inspection } from '../../store/inspection.ts'
import type { Panel, Usage } from '../../store/shots.ts'
import type { Group } from '../../store/groups.ts'
import type { Diff, Entity, Kind, Resolved, Version } from '../../types.ts'
import { count, KindMark, Notice, Skeleton } from '../../ui/bits.tsx'
import { away, needsServer } from '../../ui/reach.ts'
import { Sketch } from '../storyboard/sketch.tsx'
import type { Actions } from './actions.ts'
import { Ahead, useAhead } from './ahead.tsx'
import { Line } from './controls.tsx'
import { FieldsView, labelOf } from './fields.tsx'
import type { Known } from './forecast.ts'
import { Frame } from './frame.tsx'
import { History } from './history.tsx'
import { Look, type LookProps } from './look.tsx'
import { Pictures } from './pictures.tsx'
import type { PickerProps } from './picker.tsx'
import { References } from './references.tsx'
import { Shots } from './shots.tsx'
import { UsedBy } from './used-by.tsx'
import { Why } from './why.tsx'

/** What the inspector asks of the project it is in. Every member stays the same function. */
export interface Tools {
  kindOf(name: string): Kind | undefined
  nameOf(id: string): string
  cellOf(id: string): ReadonlySignal<Panel> | undefined
  isShot(id: string): boolean
  versionOf(id: string, number: number): Promise<Version>
  pastOf(version: Version): Promise<Resolved>
  pictured: LookProps['pictured']
  diffOf(from: number, to: number): Promise<Diff>
  picker: Pick<PickerProps, 'search' | 'fits'> & { names(): PickerProps['names'] }
}

export interface InspectorProps {
  open: Inspection
  tools: Tools
  actions: Actions
  aspect: number
  groups: readonly Group[]
  usage: Usage
  statuses: readonly string[]
  automatic: boolean
  /** Seconds without a word after which texts publish by themselves; 0: never. */
  quiet: number
  known: Known
  readonly: boolean
  mayApprove: boolean
  mayRestore: boolean
  publishing: boolean
  look: number | undefined
  onClose(): void
}

function LivePicture({ cell, aspect }: { cell: ReadonlySignal<Panel>; aspect: number }) {
  const shot = useComputed(() => cell.value.shot)
  return <div class="inspector-picture"><Sketch shot={shot.value} aspect={aspect} place="inspector" /></div>
}

function Title({ entity, usage, readonly, actions }: { entity: Entity; usage: Usage; readonly: boolean; actions: Actions }) {
  const words = usage.total === 0 ? '' : `used in ${count(usage.total, 'shot')}`
  return (
    <div class="inspector-title">
      <span class="name-line"><Line id="entity-name" hook="name" type="text" label="Name" value={entity.name} disabled={readonly} fixed={away.value} write={actions.name} /></span>
      <p class="dim"><span class="mono" dir="auto">{entity.id}</span> · <span class="mono" data-version={entity.version}>v{entity.version}</span>{words !== '' && ` · ${words}`}</p>
    </div>
  )
}

/** The same value again for as long as nothing in it differs. */
function useStill<T>(value: T): T {
  const still = useRef(value)
  if (JSON.stringify(still.current) !== JSON.stringify(value)) still.current = value
  return still.current
}

/** Everything about an entity as it is now. */
function Now({ entity, kind, props }: { entity: Entity; kind: Kind | undefined; props: InspectorProps }) {
  const { open, tools, actions, readonly, statuses } = props
  const { draft } = open
  const specs = useStill(kind?.fields ?? [])
  const ahead = useAhead(open, specs, props.automatic)
  const usage = useStill(props.usage)
  const resolved = open.resolved.value
  const references = open.references.value
  const holds = kind?.category === 'scene' || kind?.category === 'sequence'
  const [shots, rest] = useMemo(() => {
    const isShot = (name: string) => holds && tools.kindOf(name)?.category === 'shot'
    return [(references ?? []).filter((r) => isShot(r.kind)), (references ?? []).filter((r) => !isShot(r.kind))]
  }, [references, holds, tools])
  const cell = tools.cellOf(open.id)
  const pictures = open.pictures.value
  const last = useStill(resolved?.last_outcome ?? null)
  const { kindOf } = tools
  const labelOfField = useCallback((name: string, field: string) => kindOf(name)?.fields.find((s) => s.name === field)?.label.toLowerCase() ?? labelOf(field).toLowerCase(), [kindOf])
  const label = (name: string) => specs.find((s) => s.name === name)?.label.toLowerCase() ?? labelOf(name).toLowerCase()
  return (
    <>
      {cell !== undefined && <LivePicture cell={cell} aspect={props.aspect} />}
      <Title entity={entity} usage={usage} readonly={readonly} actions={actions} />
      {draft.refused.value !== '' && <p class="bad pad" role="alert">The live draft is refused: {draft.refused.value}. What is published is shown.</p>}
      <div class="fields">
        <div class="field" data-field="@status">
          <label htmlFor="field-status">Status</label>
          <select id="field-status" value={entity.status} {...needsServer(readonly)} data-testid="status" onChange={({ currentTarget: choice }) => void actions.status(choice.value).then((done) => {
              if (!done) choice.value = open.entity.peek()?.status ?? choice.value
            })}>
            {[...new Set([...statuses, entity.status])].map((s) => <option key={s} value={s}>{s}</option>)}
          </select>
        </div>
      </div>
      <FieldsView key={open.id} specs={specs} published={entity.fields} draft={draft} readonly={readonly} ahead={ahead} reached={kind !== undefined && kind.category !== 'asset'} onProseLeft={actions.proseLeft} />
      {ahead.length > 0 && !readonly && <Ahead open={open} names={ahead.map(label)} follow={usage.follow} publishing={props.publishing} quiet={props.quiet} known={props.known} forecast={actions.forecast} onPublish={() => void actions.publish()} onImpact={actions.impact} />}
      {pictures !== null && (kind?.category === 'asset' || kind?.category === 'shot') && <Pictures name={entity.name} pictures={pictures} readonly={readonly} onUpload={actions.upload} onDelete={actions.deletePicture} />}
      {holds && references !== null && <Shots shots={shots} aspect={props.aspect} cellOf={tools.cellOf} />}
      {resolved !== null && <Why last={last} stale={resolved.stale} reasons={resolved.stale_reasons.join(' ')} prompt={kind?.category === 'asset' ? '' : resolved.prompt} hash={resolved.hash} story={open.story.value} labelOf={labelOfField} kindOf={tools.kindOf} nameOf={tools.nameOf} />}
      {references !== null && <References references={rest} readonly={readonly} mayApprove={props.mayApprove} kindOf={tools.kindOf} versionOf={tools.versionOf} actions={actions.references} picker={tools.picker} />}
      {resolved !== null && kind?.category !== 'sequence' && <UsedBy uses={open.usedBy.value} dependencies={open.dependencies.value} sequences={props.groups} usage={usage} isShot={tools.isShot} kindOf={tools.kindOf} nameOf={tools.nameOf} />}
      <History versions={open.versions.value} current={entity.version} approved={entity.approved_version} specs={specs} more={open.older.value !== null} readonly={readonly} mayApprove={props.mayApprove && kind?.category === 'asset'} diffOf={tools.diffOf}
        onMore={actions.older} onLook={actions.look} onRollBack={actions.rollBack} onTakeBack={actions.takeBack} onApprove={actions.approve} />
    </>
  )
}

function Missing({ open, onClose }: { open: Inspection; onClose(): void }) {
  const error = open.error.value
  if (error === null) return <div class="pad"><Skeleton words="Loading…" rows={6} /></div>
  const { what, next } = explain(error)
  const gone = error instanceof Problem && error.code === 'not_found'
  return (
    <Notice icon={gone ? 'file-question' : 'cloud-off'} title={gone ? `There is nothing called “${open.id}” here` : 'This cannot be shown'}>
      <p>{gone ? 'It may have been deleted or renamed, or the link is of another project. Nothing else is affected.' : `${what} ${next}`}</p>
      <p class="actions"><button type="button" onClick={() => void open.load()}>Try again</button><button type="button" class="primary" onClick={onClose}>{gone ? 'Back to the view' : 'Close'}</button></p>
    </Notice>
  )
}

export function Inspector(props: InspectorProps) {
  const { open, tools, look, onClose } = props
  const entity = open.entity.value
  if (entity === null) return <Frame id={open.id} title={<span class="dim" dir="auto">{open.id}</span>} onClose={onClose}><Missing open={open} onClose={onClose} /></Frame>
  const kind = tools.kindOf(entity.kind)
  const known = open.versions.value ?? []
  const numbers = [...new Set([entity.version, 1, ...known.map((v) => v.number)])].toSorted((a, b) => b - a)
  return (
    <Frame id={entity.id} hash={open.resolved.value?.hash} title={<KindMark kind={kind} name={entity.kind} />} onClose={onClose}>
      {look === undefined ? <Now entity={entity} kind={kind} props={props} /> : (
        <Look key={look} entity={entity} number={look} numbers={numbers} specs={kind?.fields ?? []} aspect={props.aspect} readonly={props.readonly} kindOf={tools.kindOf}
          versionOf={tools.versionOf} pastOf={tools.pastOf} pictured={tools.pictured} diffOf={tools.diffOf} onRollBack={props.actions.rollBack} onRestoreProject={props.mayRestore ? props.actions.restoreProject : undefined} onApprove={props.mayApprove && kind?.category === 'asset' ? props.actions.approve : undefined} />
      )}
    </Frame>
  )
}
