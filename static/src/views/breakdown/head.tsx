/** The grid's head: names, counts, the order of rows, and widths by drag or by key. */
import type { ReadonlySignal } from '@preact/signals'
import type { Filter } from '../../store/filtering.ts'
import type { Tally } from '../../store/tally.ts'
import { Icon, iconName } from '../../ui/icon.tsx'
import { type Placed, setWidth, within } from './columns.ts'

export interface HeadProps {
  columns: readonly Placed[]
  tally: ReadonlySignal<Tally>
  filter: Filter
  /** The column that the keyboard is at; -1 for none. */
  at: number
  all: boolean
  /** While it is dragged, a column follows without the rows being made anew. */
  onDrag(key: string, width: number): void
}

export const headId = (column: number) => `head-${column}`

/** Pixels that a count takes beside a word. */
const COUNT = 20

function Grip({ column, onDrag }: { column: Placed; onDrag(key: string, width: number): void }) {
  const onPointerDown = (event: PointerEvent) => {
    const grip = event.currentTarget
    if (!(grip instanceof HTMLElement) || event.button !== 0) return
    event.preventDefault()
    event.stopPropagation()
    grip.setPointerCapture(event.pointerId)
    const from = event.clientX
    let width = column.width
    const move = (e: PointerEvent) => {
      width = within(column.width + e.clientX - from)
      onDrag(column.key, width)
    }
    const up = () => {
      grip.removeEventListener('pointermove', move)
      if (width !== column.width) setWidth(column.key, width)
    }
    grip.addEventListener('pointermove', move)
    grip.addEventListener('lostpointercapture', up, { once: true })
  }
  return <span class="grip" data-grip={column.key} onPointerDown={onPointerDown} aria-hidden="true" />
}

export function Head({ columns, tally, filter, at, all, onDrag }: HeadProps) {
  const numbers = tally.value.all
  return (
    <div class="row head" role="row" aria-rowindex={1}>
      {columns.map((column, i) => {
        const { key, kind, label, sort } = column
        const sorted = sort !== undefined && filter.sort === sort
        const count = kind === undefined ? undefined : (numbers.get(kind.name) ?? 0)
        return (
          <span key={key} role="columnheader" id={headId(i)} class={['cell', kind !== undefined && 'kind', sort !== undefined && 'sorts', at === i && 'at'].filter(Boolean).join(' ')} data-kind={kind?.name} data-head={key}
            aria-sort={sort === undefined ? undefined : sorted ? (filter.down ? 'descending' : 'ascending') : 'none'} title={kind === undefined ? undefined : `${count} different ${kind.plural.toLowerCase()} in what is shown`} data-sort={sort}>
            {key === 'id' && <span class="mark" data-mark="all" aria-hidden="true">{all && <Icon name="check" size={12} />}</span>}
            {kind !== undefined && <Icon name={iconName(kind.icon)} size={14} />}
            <span class="head-name">{label}</span>
            {count !== undefined && count > 0 && column.width >= column.least + COUNT && <span class="head-count mono" data-count-all={kind?.name}>{count}</span>}
            {sorted && <span class={filter.down ? 'sorted down' : 'sorted'}><Icon name="chevron-down" size={12} /></span>}
            <Grip column={column} onDrag={onDrag} />
          </span>
        )
      })}
    </div>
  )
}
