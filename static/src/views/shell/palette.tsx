/** Find or do: jump to any entity, or do one of the few things there are to do. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Name } from '../../store/names.ts'
import type { Kind } from '../../types.ts'
import { Icon, iconName, type IconName } from '../../ui/icon.tsx'

export interface Command {
  id: string
  words: string
  icon: IconName
  key: string
  run(): void
}

export interface PaletteProps {
  names: readonly Name[]
  commands: readonly Command[]
  kindOf(name: string): Kind | undefined
  /** Asks the server for what is not loaded here. */
  search(words: string): Promise<readonly Name[]>
  onJump(id: string): void
  onClose(): void
}

interface Item {
  id: string
  words: string
  side: string
  kind: string
  icon: IconName
  run(): void
}

const SHOWN = 12

/** Every word must begin a word of the text; an earlier and shorter hit ranks first. */
export function rank(text: string, query: string): number {
  const hay = text.toLowerCase()
  let score = hay.length / 1000
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = hay.indexOf(word)
    if (at < 0) return Number.POSITIVE_INFINITY
    score += at === 0 ? 0 : /[\s'·-]/.test(hay[at - 1] ?? '') ? 1 : 3
  }
  return score
}

export function Palette({ names, commands, kindOf, search, onJump, onClose }: PaletteProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const [found, setFound] = useState<readonly Name[]>([])
  useEffect(() => {
    if (dialog.current !== null && !dialog.current.open) dialog.current.showModal()
  }, [])
  useEffect(() => {
    setAt(0)
    if (query.trim().length < 2) return
    let gone = false
    const timer = setTimeout(() => {
      search(query.trim()).then((items) => !gone && setFound(items), () => undefined)
    }, 120)
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [query, search])
  const items = useMemo((): Item[] => {
    const all = [...new Map([...found, ...names].map((n) => [n.id, n])).values()]
    const entities = all.map((n): Item => ({ id: `e ${n.id}`, words: n.name, side: n.name === n.id ? '' : n.id, kind: n.kind, icon: iconName(kindOf(n.kind)?.icon ?? 'box'), run: () => onJump(n.id) }))
    const doable = commands.map((c): Item => ({ id: `c ${c.id}`, words: c.words, side: c.key, kind: '', icon: c.icon, run: c.run }))
    if (query.trim() === '') return [...doable, ...entities.filter((e) => e.kind !== 'shot')].slice(0, SHOWN)
    return [...doable, ...entities].map((item) => ({ item, score: Math.min(rank(item.words, query), rank(item.side, query) + 0.5) }))
      .filter((r) => Number.isFinite(r.score)).toSorted((a, b) => a.score - b.score).slice(0, SHOWN).map((r) => r.item)
  }, [names, found, commands, query, kindOf, onJump])
  const run = (item: Item | undefined) => {
    if (item === undefined) return
    dialog.current?.close()
    item.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt(Math.min(items.length - 1, at + 1))
    else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1))
    else if (event.key === 'Enter') run(items[at])
    else return
    event.preventDefault()
  }
  return (
    <dialog ref={dialog} class="palette" aria-label="Find or do" onClose={onClose} onClick={(e) => e.target === dialog.current && dialog.current?.close()}>
      <div class="palette-box" onKeyDown={onKeyDown}>
        <input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={items[at] === undefined ? undefined : `palette-${at}`} aria-label="Find or do" placeholder="A name, an id, or what to do"
          value={query} onInput={(e) => setQuery(e.currentTarget.value)} />
        <ul id="palette-list" role="listbox" aria-label="Found">
          {items.map((item, i) => (
            <li key={item.id} id={`palette-${i}`} role="option" aria-selected={i === at} data-kind={item.kind || undefined} onClick={() => run(item)} onPointerMove={() => setAt(i)}>
              <Icon name={item.icon} size={14} /><span class="palette-words">{item.words}</span><span class="dim mono">{item.side}</span>
            </li>
          ))}
        </ul>
        {items.length === 0 && <p class="dim pad">Nothing is called that.</p>}
      </div>
    </dialog>
  )
}
