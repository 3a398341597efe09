/** A group's header: what it is, how much is in it, how many different assets of each kind. */
import type { ReadonlySignal } from '@preact/signals'
import type { Group } from '../../store/groups.ts'
import type { Tally } from '../../store/tally.ts'
import type { Kind } from '../../types.ts'
import { Icon, iconName } from '../../ui/icon.tsx'
import { Wash } from '../../ui/wash.tsx'
import { clockTime } from '../storyboard/storyboard.tsx'
import type { Placed } from './columns.ts'
import { cellId } from './row.tsx'

export interface GroupRowProps {
  group: Group
  index: number
  open: boolean
  columns: readonly Placed[]
  tally: ReadonlySignal<Tally>
  current: boolean
  /** Every one of its shots. */
  selected: boolean
  wash: number
}

/** Pixels for a name, its number of shots and their length. */
const ROOMY = 280

const words = (count: number, kind: Kind) => `${count} ${(count === 1 ? kind.label : kind.plural).toLowerCase()}`

export function GroupRow({ group, index, open, columns, tally, current, selected, wash }: GroupRowProps) {
  const numbers = tally.value.groups.get(group.id)
  const first = columns.findIndex((c) => c.kind !== undefined)
  const lead = first < 0 ? columns.length : first
  // Where the name has too little room under its own columns, the numbers stand beside it instead.
  const roomy = columns.slice(0, lead).reduce((sum, c) => sum + c.width, 0) >= ROOMY
  const kinds = columns.filter((c) => c.kind !== undefined)
  const { name, number, note, shots, seconds } = group
  return (
    <div class={['row', 'group', wash > 0 && 'wash', current && 'current'].filter(Boolean).join(' ')} role="row" aria-rowindex={index + 2} data-group={group.id} data-open={open ? '' : undefined}>
      <Wash count={wash} />
      <span role="rowheader" id={cellId(index, 0)} class={current ? 'cell lead at' : 'cell lead'} style={{ gridColumn: roomy ? `1 / span ${lead}` : '1 / -1' }} aria-colspan={roomy ? lead : columns.length}>
        <span class="mark" data-mark aria-hidden="true">{selected && <Icon name="check" size={12} />}</span>
        <button type="button" class="fold" tabIndex={-1} aria-expanded={open} aria-label={open ? `Close ${name}` : `Open ${name}`} data-fold><Icon name="chevron-down" size={14} /></button>
        {number !== undefined && <b class="mono">{number}</b>}
        <bdi class="group-name" title={name}>{name}</bdi>
        <small>{shots.length} {shots.length === 1 ? 'shot' : 'shots'}{seconds > 0 && ` · ${clockTime(seconds)}`}{note !== undefined && ` · ${note}`}</small>
        {!roomy && kinds.map(({ key, kind }) => {
          const count = kind === undefined ? 0 : (numbers?.get(kind.name) ?? 0)
          return kind === undefined || count === 0 ? null : <span key={key} class="count" data-count={kind.name} data-kind={kind.name} title={words(count, kind)}><Icon name={iconName(kind.icon)} size={12} />{count}</span>
        })}
      </span>
      {roomy && columns.slice(lead).map(({ key, kind }) => {
        const count = kind === undefined ? 0 : (numbers?.get(kind.name) ?? 0)
        return <span key={key} role="gridcell" class="cell count" data-count={kind?.name} data-kind={kind?.name} aria-label={kind === undefined ? undefined : words(count, kind)}>{count > 0 && count}</span>
      })}
    </div>
  )
}
