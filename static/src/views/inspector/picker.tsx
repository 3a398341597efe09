/** Choosing an entity by typing: a combobox over what is known here and what the server finds. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Name } from '../../store/names.ts'
import type { Kind } from '../../types.ts'
import { Icon, iconName } from '../../ui/icon.tsx'
import { rank } from '../../ui/rank.ts'

export interface PickerProps {
  label: string
  names: readonly Name[]
  /** May this one be chosen? */
  fits(name: Name): boolean
  kindOf(name: string): Kind | undefined
  search(words: string): Promise<readonly Name[]>
  onPick(id: string): void
  onClose(): void
}

const SHOWN = 8

export function Picker({ label, names, fits, kindOf, search, onPick, onClose }: PickerProps) {
  const input = useRef<HTMLInputElement>(null)
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const [found, setFound] = useState<readonly Name[]>([])
  useLayoutEffect(() => {
    input.current?.focus({ preventScroll: true })
    input.current?.closest('.chooser')?.scrollIntoView({ block: 'nearest' })
  }, [])
  useEffect(() => {
    let gone = false
    const timer = setTimeout(() => {
      search(query.trim()).then((items) => !gone && setFound(items), () => undefined)
    }, query === '' ? 0 : 120)
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [query, search])
  const items = useMemo(() => {
    const all = [...new Map([...found, ...names].map((n) => [n.id, n])).values()].filter(fits)
    const scored = all.map((n) => ({ n, score: Math.min(rank(n.name, query), rank(n.id, query) + 0.5) })).filter((r) => Number.isFinite(r.score))
    return scored.toSorted((a, b) => a.score - b.score || a.n.name.localeCompare(b.n.name)).slice(0, SHOWN).map((r) => r.n)
  }, [found, names, fits, query])
  const onKeyDown = (event: KeyboardEvent) => {
    const chosen = items[at]
    if (event.key === 'ArrowDown') setAt(Math.min(items.length - 1, at + 1))
    else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1))
    else if (event.key === 'Escape') onClose()
    else if (event.key === 'Enter') {
      if (chosen !== undefined) onPick(chosen.id)
    } else return
    event.preventDefault()
  }
  return (
    <div class="chooser" data-picker onKeyDown={onKeyDown}>
      <span class="chooser-line">
        <input ref={input} type="text" dir="auto" role="combobox" aria-expanded={items.length > 0} aria-controls="picker-list" aria-autocomplete="list" aria-activedescendant={items[at] === undefined ? undefined : `pick-${at}`}
          aria-label={label} placeholder="Name or id" value={query} onInput={(e) => {
            setQuery(e.currentTarget.value)
            setAt(0)
          }} />
        <button type="button" class="quiet" aria-label="Leave it" onClick={onClose}><Icon name="x" size={14} /></button>
      </span>
      <ul id="picker-list" role="listbox" aria-label={label}>
        {items.map((n, i) => (
          <li key={n.id} id={`pick-${i}`} role="option" aria-selected={i === at} data-kind={n.kind} data-pick={n.id} onPointerMove={() => setAt(i)} onClick={() => onPick(n.id)}>
            <Icon name={iconName(kindOf(n.kind)?.icon ?? 'box')} size={14} /><span class="palette-words" dir="auto">{n.name}</span><span class="dim">{kindOf(n.kind)?.label ?? n.kind}</span>
          </li>
        ))}
      </ul>
      {items.length === 0 && <p class="dim">{query === '' ? 'There is nothing else to choose yet.' : 'Nothing is called that.'}</p>}
    </div>
  )
}
