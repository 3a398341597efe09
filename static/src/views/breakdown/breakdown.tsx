/** The breakdown grid: shots by what they are made of. Only the rows on screen exist. */
import type { ReadonlySignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Group } from '../../store/groups.ts'
import type { Panel } from '../../store/shots.ts'
import type { Kind, Person } from '../../types.ts'
import { Notice } from '../../ui/bits.tsx'
import { Icon, iconName } from '../../ui/icon.tsx'
import { clockTime } from '../storyboard/storyboard.tsx'
import { flatten, slice, type Slice, step } from './rows.ts'
import { RowView } from './row.tsx'
import { Wash } from '../../ui/wash.tsx'

export interface BreakdownProps {
  groups: readonly Group[]
  washes: ReadonlyMap<string, number>
  columns: readonly Kind[]
  rowHeight: number
  selected: string | null
  people: readonly Person[]
  cellOf(id: string): ReadonlySignal<Panel> | undefined
  hrefOf(id: string): string
  nameOf(id: string): string
  onOpen(id: string): void
  onScreen(ids: readonly string[]): void
}

const STEPS: { [key: string]: number } = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -1e9, End: 1e9 }

export function Breakdown(props: BreakdownProps) {
  const { groups, washes, columns, rowHeight, selected, people, cellOf, hrefOf, nameOf, onOpen, onScreen } = props
  const grid = useRef<HTMLDivElement>(null)
  const rows = useMemo(() => flatten(groups), [groups])
  const [shown, setShown] = useState<Slice>({ from: 0, to: 60 })
  const [current, setCurrent] = useState(-1)
  useLayoutEffect(() => {
    const at = grid.current
    if (at === null) return
    const measure = () => {
      const next = slice(at.scrollTop - rowHeight, at.clientHeight, rowHeight, rows.length)
      setShown((old) => (old.from === next.from && old.to === next.to ? old : next))
    }
    measure()
    at.addEventListener('scroll', measure, { passive: true })
    const size = new ResizeObserver(measure)
    size.observe(at)
    return () => {
      at.removeEventListener('scroll', measure)
      size.disconnect()
    }
  }, [rows, rowHeight])
  useEffect(() => {
    onScreen(rows.slice(shown.from, shown.to).flatMap((r) => (r.kind === 'shot' ? [r.id] : [])))
  }, [rows, shown, onScreen])
  useEffect(() => {
    const at = rows.findIndex((r) => r.kind === 'shot' && r.id === selected)
    if (at >= 0) setCurrent(at)
  }, [selected, rows])
  if (rows.length === 0) {
    return (
      <Notice icon="rows-3" title="No shots yet">
        <p>Import a project or a screenplay, or create a shot. It shows here as a row, with a chip for everything it is made of.</p>
      </Notice>
    )
  }
  const move = (to: number) => {
    const at = grid.current
    setCurrent(to)
    if (at === null) return
    const top = (to + 1) * rowHeight
    if (top < at.scrollTop + rowHeight * 2) at.scrollTop = top - rowHeight * 2
    else if (top + rowHeight > at.scrollTop + at.clientHeight) at.scrollTop = top + rowHeight - at.clientHeight
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[current]
    const by = STEPS[event.key]
    if (by !== undefined) move(step(rows, current, by))
    else if (event.key === 'Enter' && event.target === grid.current && row?.kind === 'shot') onOpen(row.id)
    else return
    event.preventDefault()
  }
  const onClick = (event: MouseEvent) => {
    if (!(event.target instanceof Element) || event.target.closest('a') !== null) return
    const id = event.target.closest('[data-row]')?.getAttribute('data-row')
    if (typeof id === 'string') onOpen(id)
  }
  const width = columns.length
  return (
    <div ref={grid} class="breakdown" role="grid" tabIndex={0} aria-label="Breakdown" aria-rowcount={rows.length + 1} aria-colcount={width + 5}
      aria-activedescendant={current >= shown.from && current < shown.to ? `row-${current}` : undefined} onKeyDown={onKeyDown} onClick={onClick}
      style={{ '--row': `${rowHeight}px`, '--kinds': String(width) }}>
      <div class="row head" role="row" aria-rowindex={1}>
        {['Shot', 'Framing', 'Description'].map((word) => <span role="columnheader" class="cell" key={word}>{word}</span>)}
        {columns.map((kind) => (
          <span role="columnheader" class="cell kind" data-kind={kind.name} key={kind.name}><Icon name={iconName(kind.icon)} size={14} />{kind.plural}</span>
        ))}
        <span role="columnheader" class="cell">Status</span>
        <span role="columnheader" class="cell">Why</span>
      </div>
      <div class="rows" role="presentation" style={{ height: `${rows.length * rowHeight}px` }}>
        <div class="rows-window" role="presentation" style={{ transform: `translateY(${shown.from * rowHeight}px)` }}>
          {rows.slice(shown.from, shown.to).map((row, i) => {
            const index = shown.from + i
            if (row.kind === 'group') {
              const wash = washes.get(row.group.id) ?? 0
              return (
                <div key={`group ${row.group.id}`} class={wash > 0 ? 'row group wash' : 'row group'} role="row" aria-rowindex={index + 2} data-group={row.group.id}>
                  <Wash count={wash} />
                  <span role="rowheader" class="cell" aria-colspan={width + 5}>{row.group.name}<small>{row.group.shots.length} {row.group.shots.length === 1 ? 'shot' : 'shots'}{row.group.seconds > 0 && ` · ${clockTime(row.group.seconds)}`}</small></span>
                </div>
              )
            }
            const cell = cellOf(row.id)
            return cell === undefined ? null : (
              <RowView key={row.id} id={row.id} index={index} cell={cell} columns={columns} selected={row.id === selected} current={index === current}
                person={people.find((p) => p.entity === row.id)} nameOf={nameOf} hrefOf={hrefOf} />
            )
          })}
        </div>
      </div>
    </div>
  )
}
