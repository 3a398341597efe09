/** Choosing one asset: type to find it, arrows, Enter. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Swatch } from '../../ui/bits.tsx'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { rank } from '../../ui/rank.ts'

export interface Option {
  id: string
  name: string
  kind: string
  icon: IconName
  colour: string | null
  /** A few words beside the name: who wears it, in how many it is. */
  note: string
  /** Nothing to choose: it is there already. */
  done: boolean
}

export interface PickerProps {
  title: string
  options: readonly Option[] | null
  beside: Element | null
  /** What to say where there is nothing to choose from. */
  empty: string
  onPick(option: Option): void
  onClose(): void
}

const SHOWN = 100
const WIDTH = 380

/** Under its cell, or where there is room. */
function place(dialog: HTMLElement, beside: Element | null): void {
  const at = beside?.getBoundingClientRect()
  const { height } = dialog.getBoundingClientRect()
  const left = at === undefined ? (innerWidth - WIDTH) / 2 : Math.min(at.left, innerWidth - WIDTH - 8)
  const below = at === undefined ? innerHeight * 0.2 : at.bottom + 4
  const top = at !== undefined && below + height > innerHeight - 8 ? at.top - height - 4 : below
  dialog.style.left = `${Math.max(8, left)}px`
  dialog.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`
}

export function Picker({ title, options, beside, empty, onPick, onClose }: PickerProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const list = useRef<HTMLUListElement>(null)
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const found = useMemo(() => {
    const all = options ?? []
    if (query.trim() === '') return all.slice(0, SHOWN)
    return all.map((option) => ({ option, score: Math.min(rank(option.name, query), rank(option.id, query) + 0.5, rank(option.note, query) + 2) + (option.done ? 10 : 0) }))
      .filter((r) => Number.isFinite(r.score)).toSorted((a, b) => a.score - b.score).slice(0, SHOWN).map((r) => r.option)
  }, [options, query])
  useLayoutEffect(() => {
    const here = dialog.current
    if (here === null) return
    if (!here.open) here.showModal()
    place(here, beside)
  }, [options, beside])
  useEffect(() => {
    list.current?.children[at]?.scrollIntoView({ block: 'nearest' })
  }, [at])
  const pick = (option: Option | undefined) => {
    if (option === undefined || option.done) return
    dialog.current?.close()
    onPick(option)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt(Math.min(found.length - 1, at + 1))
    else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1))
    else if (event.key === 'Enter') pick(found[at])
    else return
    event.preventDefault()
  }
  return (
    <dialog ref={dialog} class="picker" aria-label={title} data-picker onClose={onClose} onClick={(e) => e.target === dialog.current && dialog.current?.close()}>
      <div class="picker-box" onKeyDown={onKeyDown}>
        <label class="picker-title" for="picker-input">{title}</label>
        <input id="picker-input" type="text" role="combobox" autocomplete="off" aria-expanded="true" aria-controls="picker-list" aria-autocomplete="list" aria-activedescendant={found[at] === undefined ? undefined : `picker-${at}`}
          placeholder="Name or id" value={query} onInput={(e) => {
            setQuery(e.currentTarget.value)
            setAt(0)
          }} />
        <ul ref={list} id="picker-list" role="listbox" aria-label={title}>
          {found.map((o, i) => (
            <li key={o.id} id={`picker-${i}`} role="option" aria-selected={i === at} aria-disabled={o.done} data-kind={o.kind} data-option={o.id} onClick={() => pick(o)} onPointerMove={() => i !== at && setAt(i)}>
              <Icon name={o.icon} size={14} />
              {o.colour === null ? null : <Swatch colour={o.colour} />}
              <bdi class="picker-name">{o.name}</bdi>
              <bdi class="picker-note dim">{o.note}</bdi>
              {o.done && <Icon name="check" size={14} />}
            </li>
          ))}
        </ul>
        {options === null ? <p class="dim pad" aria-busy="true">Looking…</p> : found.length === 0 && <p class="dim pad">{query.trim() === '' ? empty : 'Nothing is called that.'}</p>}
      </div>
    </dialog>
  )
}
