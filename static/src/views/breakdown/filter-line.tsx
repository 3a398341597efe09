/** The line above the grid: what is looked for, in which order, under what, and how much of it there is. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Filter, type Mark, narrows, SORTS, type Sort } from '../../store/filtering.ts'
import type { Kind } from '../../types.ts'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { number } from '../../ui/bits.tsx'
import { GroupingChoice } from '../../ui/grouping.tsx'
import { grouping } from '../../ui/preferences.ts'
import { changed, choice, resetColumns, setHidden } from './columns.ts'

export interface FilterLineProps {
  filter: Filter
  matched: number
  total: number
  statuses: readonly string[]
  kinds: readonly Kind[]
  nameOf(id: string): string
  kindOf(id: string): string
  onFilter(to: Partial<Filter>): void
  onClear(): void
  onAsset(beside: Element): void
}

const SORTED: { [sort in Sort]: string } = { order: 'In order', id: 'By id', status: 'By status', duration: 'By length', changed: 'Changed last' }
const MARKED: readonly [Mark, string, IconName, string][] = [
  ['attention', 'Needs attention', 'circle-alert', 'stale, asks first, or in conflict'],
  ['pinned', 'Pinned', 'pin', 'keeps a version of something on purpose'],
]
const FINAL = 'final'
/** Milliseconds after the last key. */
const TYPED = 120

function Search({ words, onWords }: { words: string; onWords(words: string): void }) {
  const input = useRef<HTMLInputElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const [text, setText] = useState(words)
  const say = (next: string, patience: number) => {
    setText(next)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => onWords(next), patience)
  }
  // The URL may change by other means; what is being typed stays.
  useEffect(() => {
    if (document.activeElement !== input.current) setText(words)
  }, [words])
  return (
    <label class="search">
      <Icon name="search" size={14} />
      <input ref={input} type="search" data-testid="filter-words" aria-label="Search shots" placeholder="Search shots" value={text} onInput={(e) => say(e.currentTarget.value, TYPED)} onKeyDown={(event) => {
        if (event.key === 'Escape' && text !== '') {
          say('', 0)
        } else if (event.key === 'Enter' || event.key === 'ArrowDown' || event.key === 'Escape') document.querySelector<HTMLElement>('.breakdown')?.focus()
        else return
        event.preventDefault()
        event.stopPropagation()
      }} />
    </label>
  )
}

function Columns({ kinds }: { kinds: readonly Kind[] }) {
  const [open, setOpen] = useState(false)
  const box = useRef<HTMLSpanElement>(null)
  const { hidden } = choice.value
  const all: readonly [string, string][] = [['framing', 'Framing'], ['words', 'Description'], ['duration', 'Length'], ...kinds.map((k) => [`kind ${k.name}`, k.plural] as [string, string]), ['status', 'Status'], ['why', 'Why']]
  useLayoutEffect(() => {
    if (!open) return
    const away = (event: Event) => {
      if (event.target instanceof Node && box.current?.contains(event.target) !== true) setOpen(false)
    }
    document.addEventListener('pointerdown', away)
    return () => document.removeEventListener('pointerdown', away)
  }, [open])
  return (
    <span ref={box} class="columns" onKeyDown={(event) => {
      if (event.key !== 'Escape' || !open) return
      event.preventDefault()
      event.stopPropagation()
      setOpen(false)
      box.current?.querySelector('button')?.focus()
    }}>
      <button type="button" class="quiet" aria-expanded={open} data-testid="columns" onClick={() => setOpen(!open)}>Columns{hidden.length > 0 && <span class="dim">−{hidden.length}</span>}<Icon name="chevron-down" size={12} /></button>
      {open && (
        <span class="menu columns-menu" role="group" aria-label="Columns">
          {all.map(([key, label]) => (
            <label key={key}><input type="checkbox" checked={!hidden.includes(key)} data-column-choice={key} onChange={(e) => setHidden(key, !e.currentTarget.checked)} />{label}</label>
          ))}
          <hr />
          <button type="button" disabled={!changed.value} onClick={resetColumns}>Reset columns</button>
        </span>
      )}
    </span>
  )
}

const toggle = (on: boolean, icon: IconName, words: string, tip: string, hook: string, run: () => void) => (
  <button type="button" class="toggle" aria-label={words} aria-pressed={on} data-filter={hook} data-tip={`${words}: ${tip}`} onClick={run}><Icon name={icon} size={12} /><span class="toggle-words">{words}</span></button>
)

const toggled = <T,>(all: readonly T[], one: T): T[] => (all.includes(one) ? all.filter((x) => x !== one) : [...all, one])

export function FilterLine({ filter, matched, total, statuses, kinds, nameOf, kindOf, onFilter, onClear, onAsset }: FilterLineProps) {
  const picked = (id: string, words: string, kind: string | undefined, without: Partial<Filter>) => (
    <button key={id} type="button" class="picked" data-kind={kind} data-picked={id} aria-label={`Show all, not only ${words}`} onClick={() => onFilter(without)}><bdi>{words}</bdi><Icon name="x" size={12} /></button>
  )
  const some = narrows(filter)
  return (
    <div class="filter-line" role="search" aria-label="Filter the breakdown" data-matched={matched} data-total={total}>
      <Search words={filter.words} onWords={(words) => onFilter({ words })} />
      <button type="button" class="toggle" data-testid="filter-asset" aria-label="Made of…" data-tip="Only shots made of something" onClick={(e) => onAsset(e.currentTarget)}><Icon name="box" size={12} /><span class="toggle-words">Made of…</span></button>
      {filter.assets.map((id) => picked(id, nameOf(id), kindOf(id), { assets: filter.assets.filter((x) => x !== id) }))}
      <select aria-label="Status" data-testid="filter-status" value="" onChange={(e) => onFilter({ statuses: toggled(filter.statuses, e.currentTarget.value) })}>
        <option value="" disabled hidden>Status</option>
        {statuses.map((status) => <option key={status} value={status}>{filter.statuses.includes(status) ? `✓ ${status}` : status}</option>)}
      </select>
      {filter.statuses.filter((status) => status !== FINAL).map((status) => picked(status, status, undefined, { statuses: toggled(filter.statuses, status) }))}
      {MARKED.map(([mark, words, icon, tip]) => toggle(filter.marks.includes(mark), icon, words, tip, mark, () => onFilter({ marks: toggled(filter.marks, mark) })))}
      {statuses.includes(FINAL) && toggle(filter.statuses.includes(FINAL), 'lock', 'Final', 'changes of these ask first', FINAL, () => onFilter({ statuses: toggled(filter.statuses, FINAL) }))}
      <span class="filter-count" role="status">
        {some ? <><b class="mono">{number(matched)}</b> of <span class="mono">{number(total)}</span><span class="toggle-words"> shots</span></> : <><span class="mono">{number(total)}</span> {total === 1 ? 'shot' : 'shots'}</>}
        {some && <button type="button" class="quiet" data-testid="filter-clear" onClick={onClear}>Clear</button>}
      </span>
      <span class="filter-side">
        <select aria-label="Order" data-testid="sort" value={`${filter.down ? '-' : ''}${filter.sort}`} onChange={(e) => {
          const value = e.currentTarget.value
          onFilter({ down: value.startsWith('-'), sort: SORTS.find((s) => s === value.replace('-', '')) ?? 'order' })
        }}>
          {SORTS.map((sort) => <option key={sort} value={sort}>{SORTED[sort]}</option>)}
          {filter.down && <option value={`-${filter.sort}`}>{SORTED[filter.sort]}, reversed</option>}
        </select>
        <GroupingChoice value={grouping.value} onChoose={(by) => (grouping.value = by)} />
        <Columns kinds={kinds} />
      </span>
    </div>
  )
}
