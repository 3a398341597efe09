/** Find or do: jump to any entity or person, or do anything there is to do. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Name } from '../../store/names.ts'
import type { Kind, Person } from '../../types.ts'
import { useModal } from '../../ui/dialog.tsx'
import { Icon, iconName, type IconName } from '../../ui/icon.tsx'
import { recent, remember } from '../../ui/preferences.ts'
import { rank } from '../../ui/rank.ts'


export interface Command {
  id: string
  words: string
  icon: IconName
  key: string
  run(): void
}

export interface PaletteProps {
  /** Where what was last chosen is remembered. */
  scope: string
  names: readonly Name[]
  commands: readonly Command[]
  people: readonly Person[]
  kindOf(name: string): Kind | undefined
  nameOf(id: string): string
  /** Asks the server for what is not loaded here. */
  search(words: string): Promise<readonly Name[]>
  onJump(id: string): void
  onClose(): void
}

export interface Item {
  id: string
  words: string
  /** Read and found by, too: an id, a shortcut. */
  side: string
  /** The kind in words. */
  what: string
  kind: string
  icon: IconName
  run(): void
}

const SHOWN = 14

/** What is listed for what was typed: the recent first while nothing is, commands alone after `>`. */
export function listed(items: readonly Item[], typed: string, recents: readonly string[]): Item[] {
  const only = typed.startsWith('>')
  const query = (only ? typed.slice(1) : typed).trim()
  const pool = only ? items.filter((i) => i.id.startsWith('c ')) : items
  if (query === '') {
    const by = new Map(pool.map((i) => [i.id, i]))
    const first = recents.map((id) => by.get(id)).filter((i) => i !== undefined)
    const rest = pool.filter((i) => !recents.includes(i.id) && i.kind !== 'shot')
    return [...first.slice(0, 5), ...rest].slice(0, only ? pool.length : SHOWN)
  }
  const bonus = (id: string) => (recents.includes(id) ? 0.2 : 0)
  return pool.map((item) => ({ item, score: Math.min(rank(item.words, query), rank(item.side, query) + 0.5) - bonus(item.id) }))
    .filter((r) => Number.isFinite(r.score)).toSorted((a, b) => a.score - b.score).slice(0, SHOWN).map((r) => r.item)
}

function useItems({ names, commands, people, kindOf, nameOf, onJump }: PaletteProps, found: readonly Name[]): Item[] {
  return useMemo(() => {
    const all = [...new Map([...found, ...names].map((n) => [n.id, n])).values()]
    const doable = commands.map((c): Item => ({ id: `c ${c.id}`, words: c.words, side: c.key, what: '', kind: '', icon: c.icon, run: c.run }))
    const persons = people.flatMap((p): Item[] => (p.entity === null ? [] : [{ id: `p ${p.user}`, words: `Go to ${p.name || p.user}`, side: `has ${nameOf(p.entity)} open`, what: '', kind: '', icon: 'user-round', run: () => p.entity !== null && onJump(p.entity) }]))
    const entities = all.map((n): Item => {
      const kind = kindOf(n.kind)
      return { id: `e ${n.id}`, words: n.name, side: n.name === n.id ? '' : n.id, what: kind?.label ?? n.kind, kind: n.kind, icon: iconName(kind?.icon ?? 'box'), run: () => onJump(n.id) }
    })
    return [...doable, ...persons, ...entities]
  }, [names, found, commands, people, kindOf, nameOf, onJump])
}

export function Palette(props: PaletteProps) {
  const { scope, search, onClose } = props
  const dialog = useModal()
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const [found, setFound] = useState<readonly Name[]>([])
  const recents = useMemo(() => recent(scope), [scope])
  useEffect(() => {
    if (query.trim().length < 2 || query.startsWith('>')) return
    let gone = false
    const timer = setTimeout(() => {
      search(query.trim()).then((items) => !gone && setFound(items), () => undefined)
    }, 120)
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [query, search])
  const all = useItems(props, found)
  const items = useMemo(() => listed(all, query, recents), [all, query, recents])
  const chosen = items[at]
  useEffect(() => {
    document.getElementById(`palette-${at}`)?.scrollIntoView({ block: 'nearest' })
  }, [at])
  const run = (item: Item | undefined) => {
    if (item === undefined) return
    remember(scope, item.id)
    dialog.current?.close()
    onClose()
    item.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return
    if (event.key === 'ArrowDown') setAt((at + 1) % Math.max(1, items.length))
    else if (event.key === 'ArrowUp') setAt((at - 1 + items.length) % Math.max(1, items.length))
    else if (event.key === 'Enter') run(chosen)
    else return
    event.preventDefault()
  }
  return (
    <dialog ref={dialog} class="palette" aria-label="Find or do" data-palette onClose={onClose} onClick={(e) => e.target === dialog.current && dialog.current?.close()}>
      <div class="palette-box" onKeyDown={onKeyDown}>
        <input type="text" dir="auto" role="combobox" aria-expanded={items.length > 0} aria-controls="palette-list" aria-autocomplete="list" aria-activedescendant={chosen === undefined ? undefined : `palette-${at}`} aria-label="Find or do"
          placeholder="A name, an id, or what to do; > for commands only" value={query} onInput={(e) => {
            setQuery(e.currentTarget.value)
            setAt(0)
          }} />
        <ul id="palette-list" role="listbox" aria-label="Found">
          {items.map((item, i) => (
            <li key={item.id} id={`palette-${i}`} role="option" aria-selected={i === at} data-item={item.id} data-kind={item.kind || undefined} onClick={() => run(item)} onPointerMove={() => setAt(i)}>
              <Icon name={item.icon} size={14} /><span class="palette-words" dir="auto">{item.words}</span>
              {item.side !== '' && (item.id.startsWith('c ') ? <kbd>{item.side}</kbd> : <span class={item.kind === '' ? 'dim' : 'dim mono'} dir="auto">{item.side}</span>)}
              {item.what !== '' && <span class="dim palette-what">{item.what}</span>}
            </li>
          ))}
        </ul>
        {items.length === 0 && <p class="dim pad">Nothing is called that.</p>}
        <p class="only-read" role="status">{items.length === 0 ? 'Nothing found' : `${items.length} found`}</p>
      </div>
    </dialog>
  )
}
