/** One conflict: what it is about, its sides next to each other, and a value of one's own. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Choice, Conflict } from '../../api/conflicts.ts'
import type { FieldSpec, Json, Kind } from '../../types.ts'
import { KindMark } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { needsServer } from '../../ui/reach.ts'
import { Time } from '../../ui/time.tsx'
import { Control } from '../inspector/controls.tsx'
import { Side, type SideTools } from './side.tsx'
import { choicesOf, fieldWords, isEditable, TYPES } from './words.ts'

export interface RowActions {
  take(one: Conflict, choice: Choice, value?: Json): void
  /** The keyboard goes on from here. */
  at(id: string): void
  edit(id: string | null): void
  open(one: Conflict): void
}

export interface RowProps extends SideTools {
  one: Conflict
  kind: Kind | undefined
  statuses: readonly string[]
  at: boolean
  editing: boolean
  busy: boolean
  mayDecide: boolean
  actions: RowActions
}

/** What the field is edited with; a name or a status is a field like any other here. */
function specOf(one: Conflict, kind: Kind | undefined, statuses: readonly string[]): FieldSpec {
  const known = kind?.fields.find((spec) => spec.name === one.field)
  if (known !== undefined) return known
  const plain: FieldSpec = { name: one.field, label: fieldWords(one), type: one.field_type ?? 'text', facet: 'metadata' }
  return one.field === '@status' ? Object.assign({}, plain, { type: 'choice', choices: [...statuses] }) : plain
}

function Edit({ one, spec, busy, actions }: Pick<RowProps, 'one' | 'busy' | 'actions'> & { spec: FieldSpec }) {
  const [value, setValue] = useState<Json>(one.merged ?? one.current ?? one.theirs)
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('textarea, select, input:not([type=color]), input')?.focus()
  }, [])
  const id = `conflict-value-${one.id}`
  const leave = () => {
    actions.edit(null)
    form.current?.closest<HTMLElement>('.conflict')?.focus()
  }
  return (
    <form ref={form} class="conflict-edit" data-conflict-edit aria-label={`Another value for ${spec.label}`} onSubmit={(event) => {
      event.preventDefault()
      actions.take(one, 'merged', value)
    }} onKeyDown={(event) => {
      if (event.key === 'Escape') leave()
      else if (event.key === 'Enter' && (spec.type !== 'prose' || event.metaKey || event.ctrlKey) && !event.isComposing) {
        // What was typed is written when its line is left.
        if (event.target instanceof HTMLElement) event.target.blur()
        requestAnimationFrame(() => form.current?.requestSubmit())
      } else return
      event.preventDefault()
      event.stopPropagation()
    }}>
      <label htmlFor={id}>{spec.label}</label>
      {spec.type === 'prose' ? <textarea id={id} dir="auto" rows={5} value={typeof value === 'string' ? value : ''} onInput={(event) => setValue(event.currentTarget.value)} />
        : <Control spec={spec} id={id} value={value ?? undefined} disabled={busy} write={setValue} />}
      <p class="actions">
        <button type="submit" class="primary" data-testid="conflict-set" {...needsServer(busy)}>Set this</button>
        <button type="button" data-testid="conflict-leave" onClick={leave}>Leave it</button>
      </p>
    </form>
  )
}

export const Row = memo(function Row({ one, kind, statuses, at, editing, busy, mayDecide, actions, nameOf, iconOf }: RowProps) {
  const element = useRef<HTMLLIElement>(null)
  useEffect(() => {
    const row = element.current
    // Only whoever walks over the list is moved on in it.
    if (at && row !== null && document.activeElement?.closest('.conflict') !== null && !row.contains(document.activeElement)) row.focus()
  }, [at])
  const choices = choicesOf(one)
  const what = `${fieldWords(one)} of ${one.entity_name}`
  return (
    <li ref={element} class="conflict" data-conflict={one.id} data-entity={one.entity_id} data-field-of={one.field} data-severity={one.severity} data-busy={busy ? '' : undefined} tabIndex={at ? 0 : -1}
      aria-label={`${what}: ${one.reason}`} aria-current={at ? 'true' : undefined} onFocus={() => actions.at(one.id)}>
      <div class="conflict-what">
        <p><button type="button" class="quiet approval-target" tabIndex={-1} onClick={() => actions.open(one)}><b dir="auto">{one.entity_name}</b></button></p>
        <p class="dim"><KindMark kind={kind} name={one.entity_kind} /> <span class="mono">{one.entity_id}</span></p>
        <p><b>{fieldWords(one)}</b>{one.severity === 'high' && <span class="tag bad"><Icon name="circle-alert" size={12} />high severity</span>}</p>
        <p class="dim">{TYPES[one.type]}, <Time iso={one.created_at} /></p>
        {one.reason !== '' && <p class="conflict-reason dim" dir="auto">{one.reason}</p>}
      </div>
      <div class="sides" data-sides={choices.length}>
        {choices.map((choice) => <Side key={choice} one={one} choice={choice} busy={busy} mayDecide={mayDecide} nameOf={nameOf} iconOf={iconOf} onTake={() => actions.take(one, choice)} />)}
      </div>
      {mayDecide && isEditable(one) && (editing ? <Edit one={one} spec={specOf(one, kind, statuses)} busy={busy} actions={actions} /> : (
        <p class="conflict-more"><button type="button" class="quiet" tabIndex={-1} data-testid="conflict-edit" {...needsServer(busy)} onClick={() => actions.edit(one.id)}><Icon name="pencil" size={14} />Something else<kbd aria-hidden="true">E</kbd></button></p>
      ))}
    </li>
  )
})
