/** What two people wanted and cannot both stand; settled with the mouse or the keyboard alone. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Choice, Conflict } from '../../api/conflicts.ts'
import type { Part } from '../../store/conflicts.ts'
import type { Kind } from '../../types.ts'
import { count, Notice, number, Skeleton } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'
import { Row, type RowActions } from './row.tsx'
import type { SideTools } from './side.tsx'
import { isEditable, KEYS, takeable } from './words.ts'

export interface ConflictsProps extends SideTools {
  items: readonly Conflict[] | null
  part: Part
  open: number
  more: boolean
  mayDecide: boolean
  busy: ReadonlySet<string>
  at: string | null
  editing: string | null
  statuses: readonly string[]
  kindOf(name: string): Kind | undefined
  actions: RowActions & { walk(by: number): void; show(part: Part): void; more(): void }
}

const typing = (target: EventTarget | null) => target instanceof Element && target.closest('input, textarea, select') !== null

/** The side that the keyboard is on, or would come to: beside it, around the end. */
function stepSide(row: HTMLElement | null, by: number): void {
  const all = [...(row?.querySelectorAll<HTMLElement>('[data-choice]:not(:disabled)') ?? [])]
  const at = all.indexOf(document.activeElement as HTMLElement)
  const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length
  all[to]?.focus()
}

/** The focus is on the list as soon as there is one, and stays in it when what had it is settled. */
function useFocus(at: string | null) {
  const element = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const here = document.activeElement
    if (here !== null && here !== document.body && here !== element.current && !element.current?.contains(here) && here.closest('.rail, .view') === null) return
    if (typing(here) || here?.closest('.segments') != null || (at !== null && here?.closest('[data-conflict]')?.getAttribute('data-conflict') === at)) return
    const row = element.current?.querySelector<HTMLElement>('.conflict[tabindex="0"]')
    ;(row ?? element.current)?.focus()
  }, [at])
  return element
}

const EMPTY: { [part in Part]: [string, string] } = {
  open: ['Nothing is in conflict', 'Where two people want different things of one field, both are kept, and wait here for a choice.'],
  settled: ['Nothing was settled by itself', 'Where one of two values had to give way, it stands here, and can be had back.'],
}

export function ConflictsView(props: ConflictsProps) {
  const { items, part, open, more, mayDecide, busy, at, editing, statuses, kindOf, nameOf, iconOf, actions } = props
  const element = useFocus(items === null ? null : at)
  const onKeyDown = (event: KeyboardEvent) => {
    if (typing(event.target) || event.metaKey || event.ctrlKey || event.altKey) return
    const one = items?.find((item) => item.id === at)
    const row = element.current?.querySelector<HTMLElement>('.conflict[tabindex="0"]') ?? null
    const choice: Choice | undefined = KEYS[event.key]
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key]
    const onButton = event.target instanceof Element && event.target.closest('button, a') !== null
    if (by !== undefined) actions.walk(by)
    else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') stepSide(row, event.key === 'ArrowRight' ? 1 : -1)
    else if (onButton && (event.key === 'Enter' || event.key === ' ')) return
    else if (one === undefined) return
    else if (event.key === 'Enter') actions.open(one)
    else if (event.key === 'e' && mayDecide && isEditable(one)) actions.edit(one.id)
    else if (choice !== undefined && mayDecide && takeable(one).includes(choice)) actions.take(one, choice)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const shown = items ?? []
  return (
    <div ref={element} class="conflicts" tabIndex={-1} data-conflicts={open} data-part={part} onKeyDown={onKeyDown}>
      <p class="only-read" role="status">{open === 0 ? 'Nothing is in conflict.' : `${count(open, 'conflict waits', 'conflicts wait')} for a choice.`}</p>
      <header class="conflicts-head">
        <h2>Conflicts</h2>
        <span class="segments" role="group" aria-label="Which conflicts">
          <button type="button" aria-pressed={part === 'open'} data-part-choice="open" onClick={() => actions.show('open')}>Waiting{open > 0 && ` ${number(open)}`}</button>
          <button type="button" aria-pressed={part === 'settled'} data-part-choice="settled" onClick={() => actions.show('settled')}>Settled by itself</button>
        </span>
        {mayDecide ? shown.length > 0 && <span class="keys-hint dim"><kbd>J</kbd> <kbd>K</kbd> walk <kbd>←</kbd> <kbd>→</kbd> <kbd>Enter</kbd> or <kbd>O</kbd> <kbd>M</kbd> <kbd>T</kbd> choose <kbd>E</kbd> something else</span>
          : <span class="dim conflicts-note"><Icon name="lock" size={14} />Whoever may edit settles this. You can look.</span>}
      </header>
      {items === null && <div class="pad"><Skeleton words="Loading what is in conflict…" rows={8} /></div>}
      {items !== null && shown.length === 0 && <Notice icon="arrow-right-left" title={EMPTY[part][0]}><p>{EMPTY[part][1]}</p></Notice>}
      <ul>
        {shown.map((one) => (
          <Row key={one.id} one={one} kind={kindOf(one.entity_kind)} statuses={statuses} at={one.id === at} editing={one.id === editing} busy={busy.has(one.id)} mayDecide={mayDecide} actions={actions} nameOf={nameOf} iconOf={iconOf} />
        ))}
      </ul>
      {more && <p class="actions pad"><button type="button" data-testid="more-conflicts" {...needsServer()} onClick={actions.more}>Show more</button></p>}
    </div>
  )
}
