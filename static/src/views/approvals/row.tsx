/** One thing that waits: what it shows and what it would show, side by side, and what differs. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Approval, Decision, FieldSpec, Kind, Resolved } from '../../types.ts'
import { KindMark } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { whenNear } from '../../ui/nearby.ts'
import { needsServer } from '../../ui/reach.ts'
import { Time } from '../../ui/time.tsx'
import { labelOf } from '../inspector/fields.tsx'
import { FieldChange } from '../inspector/history.tsx'
import { Sketch } from '../storyboard/sketch.tsx'

export interface RowActions {
  decide(items: readonly Approval[], decision: Decision): void
  select(id: string): void
  /** The keyboard goes on from here. */
  at(id: string): void
  open(item: Approval): void
}

export interface RowProps {
  item: Approval
  aspect: number
  /** The keyboard is here: the one tab stop of the list. */
  at: boolean
  selected: boolean
  busy: boolean
  mayDecide: boolean
  kindOf(name: string): Kind | undefined
  whole(item: Approval): Promise<Approval>
  actions: RowActions
}

type Pair = readonly [Resolved, Resolved]

/** Both looks, fetched once the row comes near the screen. */
function useLooks(item: Approval, whole: RowProps['whole']) {
  const element = useRef<HTMLLIElement>(null)
  const [near, setNear] = useState(false)
  const [pair, setPair] = useState<Pair | null>(null)
  useEffect(() => (element.current === null ? undefined : whenNear(element.current, (seen) => seen && setNear(true))), [])
  useEffect(() => {
    if (!near) return
    let gone = false
    whole(item).then(({ before, after }) => {
      if (!gone && before.resolved && after.resolved) setPair([before.resolved, after.resolved])
    }).catch(() => undefined)
    return () => {
      gone = true
    }
  }, [near, item, whole])
  return { element, pair }
}

function Side({ words, version, shot, aspect, place }: { words: string; version: number; shot: Resolved | undefined; aspect: number; place: string }) {
  return (
    <figure data-side={place}>
      {shot === undefined ? <div class="waiting-look" style={{ aspectRatio: String(aspect) }} /> : <Sketch shot={shot} aspect={aspect} place={place} />}
      <figcaption>{words} <span class="mono">v{version}</span></figcaption>
    </figure>
  )
}

function Looks({ item, pair, aspect }: { item: Approval; pair: Pair | null; aspect: number }) {
  if (item.target_kind !== 'shot') return null
  return (
    <div class="approval-looks">
      <Side words="Now, with" version={item.before.version} shot={pair?.[0]} aspect={aspect} place={`now-${item.id}`} />
      <Icon name="arrow-right" size={16} />
      <Side words="With" version={item.after.version} shot={pair?.[1]} aspect={aspect} place={`then-${item.id}`} />
    </div>
  )
}

function Differs({ item, specs }: { item: Approval; specs: readonly FieldSpec[] }) {
  const { fields, name, status, references } = item.differs
  const label = (field: string) => specs.find((s) => s.name === field)?.label ?? labelOf(field)
  const moved = references?.changed?.length ?? 0
  return (
    <div class="approval-differs">
      {name !== undefined && <FieldChange label="Name" change={name} words={undefined} />}
      {status !== undefined && <FieldChange label="Status" change={status} words={undefined} />}
      {Object.entries(fields).map(([field, change]) => <FieldChange key={field} label={label(field)} change={change} words={change.words} />)}
      {moved > 0 && <p class="change"><b>Built on</b> {moved === 1 ? 'another version' : `${moved} other versions`} of what it uses</p>}
    </div>
  )
}

export const Row = memo(function Row({ item, aspect, at, selected, busy, mayDecide, kindOf, whole, actions }: RowProps) {
  const { element, pair } = useLooks(item, whole)
  useLayoutEffect(() => {
    if (!at) return
    const row = element.current
    // Only whoever is in the list is moved on in it, and nobody who says why.
    const inside = document.activeElement?.closest('.approval') !== null
    if (inside && row !== null && !row.contains(document.activeElement)) row.focus()
  }, [at, element])
  const kind = kindOf(item.source_kind)
  const what = `${item.source_name} v${item.after.version} in ${item.target_name}`
  return (
    <li ref={element} class={selected ? 'approval selected' : 'approval'} data-approval={item.id} data-target={item.target} data-selected={selected ? '' : undefined} data-busy={busy ? '' : undefined}
      tabIndex={at ? 0 : -1} aria-label={what} aria-current={at ? 'true' : undefined} onFocus={() => actions.at(item.id)}>
      {mayDecide && <input type="checkbox" tabIndex={-1} checked={selected} aria-label={`Select ${what}`} onChange={() => actions.select(item.id)} />}
      <div class="approval-what">
        <button type="button" class="quiet approval-target" tabIndex={-1} onClick={() => actions.open(item)}><b dir="auto">{item.target_name}</b></button>
        <p class="dim"><span class="mono">{item.target}</span> <span class="status" data-status={item.target_status}><Icon name="lock" size={12} />{item.target_status}</span> {item.target_kind}</p>
        <p class="approval-source"><KindMark kind={kind} name={item.source_kind} /> <bdi>{item.source_name}</bdi></p>
        <p class="dim" data-tip={item.rule.name}><span><bdi>{item.author}</bdi>, <Time iso={item.since} /></span></p>
      </div>
      <Looks item={item} pair={pair} aspect={aspect} />
      <Differs item={item} specs={kind?.fields ?? []} />
      {mayDecide && (
        <div class="approval-do">
          <button type="button" tabIndex={-1} data-testid="approve-one" {...needsServer(busy)} aria-label={`Approve ${what}`} onClick={() => actions.decide([item], 'approve')}><Icon name="check" size={14} />Approve</button>
          <button type="button" tabIndex={-1} data-testid="reject-one" {...needsServer(busy)} aria-label={`Reject ${what}`} onClick={() => actions.decide([item], 'reject')}><Icon name="x" size={14} />Reject</button>
        </div>
      )}
    </li>
  )
})
