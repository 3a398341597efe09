/** The breakdown grid: shots by what they are made of. Only the rows near the screen exist. */
import type { ReadonlySignal } from '@preact/signals'
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Filter, Sort } from '../../store/filtering.ts'
import type { Group } from '../../store/groups.ts'
import type { Selection } from '../../store/selection.ts'
import type { Panel } from '../../store/shots.ts'
import type { Tally } from '../../store/tally.ts'
import type { Kind, Person } from '../../types.ts'
import { showTip } from '../../ui/tip.ts'
import { choice, type Column, layOut, PADDING, setHidden, setWidth } from './columns.ts'
import { needed, textMeasure } from './fit.ts'
import { GroupRow } from './group-row.tsx'
import { Head, headId } from './head.tsx'
import { cellId, ofKind, RowView } from './row.tsx'
import { keyOf, type Row, sectionsIn, type Slice, slice, step, tableOf } from './rows.ts'

/** Where the picker is asked for: on these shots, for one kind or for any, beside that element. */
export interface Asked {
  shots: readonly string[]
  kind: string | null
  beside: Element | null
}

export interface BreakdownProps {
  groups: readonly Group[]
  /** All groups, whatever the filter: column widths follow these. */
  whole: readonly Group[]
  folded: ReadonlySet<string>
  washes: ReadonlyMap<string, number>
  kinds: readonly Kind[]
  rowHeight: number
  /** The width over height of thumbnails; 0 for none. */
  aspect: number
  opened: string | null
  filter: Filter
  tally: ReadonlySignal<Tally>
  selection: Selection
  people: readonly Person[]
  readonly: boolean
  cellOf(id: string): ReadonlySignal<Panel> | undefined
  hrefOf(id: string): string
  nameOf(id: string): string
  onOpen(id: string): void
  onFold(group: string, away: boolean): void
  onSort(sort: Sort): void
  onAdd(asked: Asked): void
  onRemove(source: string, shots: readonly string[]): void
  onSearch(): void
  onScreen(ids: readonly string[]): void
}

/** Where the keyboard is: a row (the head is `HEAD`), a column, and a chip of that cell (-1 for the cell itself). */
interface Cursor {
  row: string
  column: number
  chip: number
}

const HEAD = '\u0000head'
const ROWS: { [key: string]: number } = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }
const SAMPLE = 200
/** As in the styles. */
const HEAD_HEIGHT = 28
/** What a head has besides its words: an icon, a count, room. */
const AROUND_LABEL = 66
const MARK = 26
/** What an id needs at least: numbers differ at their ends. What it takes beyond a short one, the last column gives. */
const ID = 128
/** Rows drawn above and below what is on screen: far enough away that they are painted before they scroll in. */
const SPARE = 16

/** What most of a kind's cells need; the widest few get a "+2". */
function wantOf(kind: Kind, shots: readonly Panel[], measure: (text: string) => number): number {
  const widths = shots.map(({ base }) => needed(ofKind(base.references, kind.name), measure)).toSorted((a, b) => a - b)
  return Math.min(230, Math.max(measure(kind.plural) + AROUND_LABEL, (widths[Math.floor(widths.length * 0.9)] ?? 0) + PADDING))
}

/** Pixels of a bold word with its icon in the head. */
const headOf = (label: string, measure: (text: string) => number) => Math.ceil(measure(label) * 1.15) + 34

function columnsOf(kinds: readonly Kind[], shots: readonly Panel[], thumb: number, measure: (text: string) => number): Column[] {
  const lengths = shots.map(({ base }) => base.id.length).toSorted((a, b) => a - b)
  const id = MARK + thumb + PADDING + Math.min(132, Math.max(5, lengths[Math.floor(lengths.length * 0.9)] ?? 0) * 7.4)
  const least = Math.min(id, ID + thumb)
  return [
    { key: 'id', label: 'Shot', sort: 'id', least, want: id },
    { key: 'framing', label: 'Framing', least: 60, want: 138 },
    { key: 'words', label: 'Description', least: 110, want: 150 },
    { key: 'duration', label: 'Length', sort: 'duration', least: 56, want: 76 },
    ...kinds.map((kind): Column => ({ key: `kind ${kind.name}`, label: kind.plural, kind, least: Math.max(72, headOf(kind.plural, measure)), want: wantOf(kind, shots, measure) })),
    { key: 'status', label: 'Status', sort: 'status', least: 84, want: 84 },
    { key: 'why', label: 'Why', sort: 'changed', least: 144 - Math.min(32, Math.max(0, least - thumb - 96)), want: 144 },
  ]
}

export function Breakdown(props: BreakdownProps) {
  const { groups, whole, folded, washes, kinds, rowHeight, aspect, opened, filter, tally, selection, people, readonly, cellOf, hrefOf, nameOf, onOpen, onFold, onSort, onAdd, onRemove, onSearch, onScreen } = props
  const grid = useRef<HTMLDivElement>(null)
  const measure = useMemo(textMeasure, [])
  const table = useMemo(() => tableOf(groups, folded), [groups, folded])
  const { rows, order } = table
  const [shown, setShown] = useState<Slice>({ from: 0, to: 60 })
  const [room, setRoom] = useState(1200)
  const [cursor, setCursor] = useState<Cursor>({ row: '', column: 0, chip: -1 })
  const selected = selection.ids.value
  const { widths, hidden } = choice.value
  const { columns, width } = useMemo(() => {
    const all = whole.flatMap((group) => group.shots)
    const every = Math.max(1, Math.floor(all.length / SAMPLE))
    const shots = all.filter((_, i) => i % every === 0).flatMap((id) => cellOf(id)?.peek() ?? [])
    const thumb = aspect > 0 ? Math.round((rowHeight - 8) * aspect) + 8 : 0
    return layOut(columnsOf(kinds, shots, thumb, measure).filter((c) => c.key === 'id' || !hidden.includes(c.key)), room, widths)
  }, [whole, kinds, aspect, rowHeight, room, widths, hidden, cellOf, measure])

  // Columns come and go with the room there is; the keyboard stays in its own.
  const placed = useRef(columns)
  useLayoutEffect(() => {
    const before = placed.current
    placed.current = columns
    setCursor((old) => {
      const key = before[Math.min(old.column, before.length - 1)]?.key
      const now = columns.findIndex((c) => c.key === key)
      return now < 0 || now === old.column ? old : { ...old, column: now }
    })
  }, [columns])

  useLayoutEffect(() => {
    const at = grid.current
    if (at === null) return
    const onScroll = () => {
      const next = slice(at.scrollTop - HEAD_HEIGHT, at.clientHeight, rowHeight, rows.length, SPARE, 2)
      setShown((old) => (old.from === next.from && old.to === next.to ? old : next))
    }
    const onSize = () => {
      setRoom(at.clientWidth)
      onScroll()
    }
    onSize()
    at.addEventListener('scroll', onScroll, { passive: true })
    const size = new ResizeObserver(onSize)
    size.observe(at)
    return () => {
      at.removeEventListener('scroll', onScroll)
      size.disconnect()
    }
  }, [rows, rowHeight])
  useEffect(() => {
    onScreen(rows.slice(shown.from, shown.to).flatMap((r) => (r.kind === 'shot' ? [r.id] : [])))
  }, [rows, shown, onScreen])

  const reveal = useCallback((index: number) => {
    const at = grid.current
    if (at === null || index < 0) return
    // Below the head there is the group's header as well.
    const top = index * rowHeight - (rows[index]?.kind === 'shot' ? rowHeight : 0)
    const bottom = HEAD_HEIGHT + (index + 1) * rowHeight
    if (top < at.scrollTop) at.scrollTop = top
    else if (bottom > at.scrollTop + at.clientHeight) at.scrollTop = bottom - at.clientHeight
  }, [rows, rowHeight])
  // What was opened elsewhere (the palette, a link) is shown here; not again because rows moved.
  const revealed = useRef<string | null>(null)
  useLayoutEffect(() => {
    const to = opened === null ? undefined : table.at.get(opened)
    if (opened === null) revealed.current = null
    if (opened === null || to === undefined || revealed.current === opened) return
    revealed.current = opened
    setCursor((old) => (old.row === opened ? old : { ...old, row: opened, chip: -1 }))
    reveal(to)
  }, [opened, table, reveal])

  const index = cursor.row === HEAD ? -1 : (table.at.get(cursor.row) ?? -2)
  const row: Row | undefined = rows[index]
  const column = Math.min(cursor.column, columns.length - 1)
  const kind = columns[column]?.kind
  const chipsOf = (id: string, of: Kind | undefined) => (of === undefined ? [] : ofKind(cellOf(id)?.peek().shot.references ?? [], of.name))
  const chips = row?.kind === 'shot' ? chipsOf(row.id, kind) : []
  const chip = Math.min(cursor.chip, chips.length - 1)

  // A reason shows where the keyboard is, as it does under the pointer; after the scroll that brought it there.
  useEffect(() => {
    if (document.activeElement !== grid.current) return
    const timer = setTimeout(() => {
      const told = document.getElementById(cellId(index, column))?.querySelector('[data-why], .more')
      if (told !== null && told !== undefined) showTip(told)
    }, 80)
    return () => clearTimeout(timer)
  }, [index, column])

  /** To another row; in a cell of chips, to its first one. */
  const moveTo = (to: number, extend = false) => {
    const next = rows[to]
    const some = next?.kind === 'shot' && chipsOf(next.id, kind).length > 0
    setCursor({ row: to < 0 || next === undefined ? HEAD : keyOf(next), column, chip: some ? 0 : -1 })
    if (to >= 0) reveal(to)
    if (extend && next?.kind === 'shot') {
      if (selection.ids.peek().size === 0 && row?.kind === 'shot') selection.only(row.id)
      selection.extend(order, next.id)
    }
  }
  /** One chip on, or one cell on where there is no further chip. */
  const moveBy = (by: 1 | -1) => {
    if (row?.kind === 'shot' && chips[chip + by] !== undefined) return setCursor({ row: cursor.row, column, chip: chip + by })
    const to = column + by
    const next = columns[to]
    if (next === undefined) return
    const there = row?.kind === 'shot' ? chipsOf(row.id, next.kind).length : 0
    setCursor({ row: cursor.row, column: to, chip: there === 0 ? -1 : by > 0 ? 0 : there - 1 })
  }
  const targets = (id: string): readonly string[] => (selection.has(id) ? order.filter((one) => selection.has(one)).concat([...selection.ids.peek()].filter((one) => !order.includes(one))) : [id])
  const add = (id: string, of: string | null) => !readonly && onAdd({ shots: targets(id), kind: of, beside: document.getElementById(cellId(table.at.get(id) ?? -1, Math.max(0, of === null ? column : columns.findIndex((c) => c.kind?.name === of)))) })

  const onHeadKey = (event: KeyboardEvent): boolean => {
    const here = columns[column]
    if (here === undefined) return false
    if (event.shiftKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) setWidth(here.key, here.width + (event.key === 'ArrowRight' ? 16 : -16))
    else if ((event.key === 'Delete' || event.key === 'Backspace') && here.key !== 'id') setHidden(here.key, true)
    else if (event.key === 'Enter' && here.sort !== undefined) onSort(here.sort)
    else if (event.key === ' ' && here.key === 'id') selection.toggleAll(order)
    else return false
    return true
  }
  const onGroupKey = (event: KeyboardEvent, group: Group): boolean => {
    if (event.key === 'ArrowLeft') onFold(group.id, true)
    else if (event.key === 'ArrowRight') onFold(group.id, false)
    else if (event.key === 'Enter') onFold(group.id, !folded.has(group.id))
    else if (event.key === ' ') selection.toggleAll(group.shots)
    else return false
    return true
  }
  const onShotKey = (event: KeyboardEvent, id: string): boolean => {
    const source = chips[chip]?.source
    if (event.key === ' ') {
      if (event.shiftKey) selection.extend(order, id)
      else selection.toggle(id)
    } else if (event.key === 'Enter') {
      if (source !== undefined) onOpen(source)
      else if (kind !== undefined && !readonly) add(id, kind.name)
      else onOpen(id)
    } else if (event.key === 'a') add(id, kind?.name ?? null)
    else if ((event.key === 'Delete' || event.key === 'Backspace') && source !== undefined && !readonly) onRemove(source, targets(id))
    else return false
    return true
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const command = event.ctrlKey || event.metaKey
    if (event.altKey) return
    if (command && event.key === 'a') selection.all(order)
    else if (command && event.key === 'Home') moveTo(0)
    else if (command && event.key === 'End') moveTo(rows.length - 1)
    else if (command) return
    else if (ROWS[event.key] !== undefined) moveTo(index === -2 ? step(rows.length, shown.from, 0) : step(rows.length, index, ROWS[event.key] ?? 0, event.shiftKey ? 0 : -1), event.shiftKey)
    else if (row === undefined ? cursor.row === HEAD && onHeadKey(event) : row.kind === 'group' ? onGroupKey(event, row.group) : onShotKey(event, row.id)) { /* done */ }
    else if (event.key === 'ArrowRight') moveBy(1)
    else if (event.key === 'ArrowLeft') moveBy(-1)
    else if (event.key === 'Home') setCursor({ row: cursor.row, column: 0, chip: -1 })
    else if (event.key === 'End') setCursor({ row: cursor.row, column: columns.length - 1, chip: -1 })
    else if (event.key === '/') onSearch()
    else return
    event.preventDefault()
  }

  /** Whoever comes here by key stands on the first shot that is on screen, unless they were here before. */
  const onFocus = () => {
    const first = rows[Math.min(rows.length - 1, shown.from === 0 ? 1 : shown.from + SPARE + 1)]
    if (first !== undefined) setCursor((old) => (old.row === HEAD || table.at.has(old.row) ? old : { ...old, row: keyOf(first) }))
  }
  const onClick = (event: MouseEvent) => {
    if (!(event.target instanceof Element)) return
    const target = event.target
    const group = target.closest('[data-group]')?.getAttribute('data-group')
    if (group !== undefined && group !== null) {
      const found = groups.find((g) => g.id === group)
      if (target.closest('[data-mark]') !== null) selection.toggleAll(found?.shots ?? [])
      else onFold(group, !folded.has(group))
      setCursor({ row: `\u0000${group}`, column: 0, chip: -1 })
      return grid.current?.focus({ preventScroll: true })
    }
    if (target.closest('[data-mark="all"]') !== null) return selection.toggleAll(order)
    if (target.closest('[data-grip]') !== null) return
    const sort = columns.find((c) => c.key === target.closest('[data-sort]')?.getAttribute('data-head'))?.sort
    if (sort !== undefined) return onSort(sort)
    const id = target.closest('[data-row]')?.getAttribute('data-row')
    if (typeof id !== 'string') return
    const [, at, of] = /^cell-\d+-(\d+)(?:-(\d+))?$/.exec(target.closest('[id^="cell-"]')?.id ?? '') ?? []
    setCursor({ row: id, column: Number(at ?? 0), chip: of === undefined ? -1 : Number(of) })
    grid.current?.focus({ preventScroll: true })
    const wanted = target.closest('[data-add]')?.getAttribute('data-add')
    if (typeof wanted === 'string') return add(id, wanted)
    if (event.shiftKey) selection.extend(order, id, event.ctrlKey || event.metaKey)
    else if (event.ctrlKey || event.metaKey || target.closest('[data-mark]') !== null) selection.toggle(id)
    else if (target.closest('a') === null) {
      selection.only(id)
      if (opened !== null) onOpen(id)
      return
    } else return
    event.preventDefault()
  }
  const onDoubleClick = (event: MouseEvent) => {
    const id = event.target instanceof Element && event.target.closest('a, button, [data-mark]') === null ? event.target.closest('[data-row]')?.getAttribute('data-row') : null
    if (typeof id === 'string') onOpen(id)
  }

  const template = columns.map((c) => `${c.width}px`).join(' ')
  const onDrag = (key: string, to: number) => grid.current?.style.setProperty('--columns', columns.map((c) => `${c.key === key ? to : c.width}px`).join(' '))
  const active = cursor.row === HEAD ? headId(column) : row === undefined || index < shown.from || index >= shown.to ? undefined : row.kind === 'group' ? cellId(index, 0) : cellId(index, column, chip)
  const present = useMemo(() => new Map(people.flatMap((p) => (p.entity === null ? [] : [[p.entity, people.filter((q) => q.entity === p.entity)]]))), [people])
  return (
    <div ref={grid} class="breakdown" role="grid" tabIndex={0} aria-label="Breakdown" aria-multiselectable="true" aria-rowcount={rows.length + 1} aria-colcount={columns.length} aria-activedescendant={active}
      onKeyDown={onKeyDown} onClick={onClick} onDblClick={onDoubleClick} onFocus={onFocus}
      style={{ '--row': `${rowHeight}px`, '--columns': template, '--width': `${width}px` }}>
      <Head columns={columns} tally={tally} filter={filter} at={cursor.row === HEAD ? column : -1} all={order.length > 0 && order.every((id) => selected.has(id))} onDrag={onDrag} />
      <div class="rows" role="presentation" style={{ height: `${rows.length * rowHeight}px` }}>
        {sectionsIn(table.sections, shown).map(({ group, open, start, count }) => (
          <div key={group.id} class="section" role="rowgroup" style={{ top: `${start * rowHeight}px`, height: `${count * rowHeight}px` }}>
            <GroupRow group={group} index={start} open={open} columns={columns} tally={tally} current={index === start} wash={washes.get(group.id) ?? 0} selected={selected.size > 0 && group.shots.length > 0 && group.shots.every((id) => selected.has(id))} />
            {rows.slice(Math.max(shown.from, start + 1), Math.min(shown.to, start + count)).map((r, i) => {
              const at = Math.max(shown.from, start + 1) + i
              const cell = r.kind === 'shot' ? cellOf(r.id) : undefined
              return r.kind !== 'shot' || cell === undefined ? null : (
                <RowView key={r.id} id={r.id} index={at} top={(at - start) * rowHeight} cell={cell} columns={columns} selected={selected.has(r.id)} open={r.id === opened} column={at === index ? column : -1} chip={at === index ? chip : -1}
                  aspect={aspect} readonly={readonly} people={present.get(r.id)} measure={measure} nameOf={nameOf} hrefOf={hrefOf} />
              )
            })}
          </div>
        ))}
      </div>
    </div>
  )
}
