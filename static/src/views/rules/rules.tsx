/** The rules in their order, one of them to be edited, and what it would have done to the last changes. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Rule, SentRule } from '../../api/rules.ts'
import { count, Notice } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'
import { NEW } from './form.ts'
import { useReorder } from './reorder.ts'
import { Action, Row } from './row.tsx'

export interface RulesProps {
  items: readonly Rule[]
  /** Which one is looked at: an id, or `NEW`. */
  at: string | null
  /** The new one, while it is not saved. */
  fresh: SentRule | null
  edited: ReadonlySet<string>
  washes: ReadonlyMap<string, number>
  readonly: boolean
  /** What was done, for those who do not see it. */
  said: string
  labelOf(kind: string): string
  /** The editor and the live test. */
  children: ComponentChildren
  onAt(id: string): void
  onSwitch(rule: Rule): void
  onMove(id: string, to: number): void
  onRemove(rule: Rule): void
  onNew(): void
  onEdit(): void
  onYaml(): void
}

const typing = (target: EventTarget | null) => target instanceof Element && target.closest('input:not([type=checkbox], [type=radio]), textarea, select') !== null

export function RulesView(props: RulesProps) {
  const { items, at, fresh, edited, washes, readonly, said, labelOf, children, onAt, onSwitch, onMove, onRemove, onNew, onEdit, onYaml } = props
  const list = useRef<HTMLElement>(null)
  const { dragged, start } = useReorder('data-rule', onMove)
  const ids = [...(fresh === null ? [] : [NEW]), ...items.map((rule) => rule.id)]
  useLayoutEffect(() => {
    const here = document.activeElement
    if (here !== null && here !== document.body && here.closest('.rail, main.view') === null) return
    if (!typing(here)) list.current?.querySelector<HTMLElement>('.rule[tabindex="0"]')?.focus()
    // Once, when it is shown.
  }, [])
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || typing(event.target)) return
    const rule = items.find((one) => one.id === at)
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key]
    const onButton = event.target instanceof Element && event.target.closest('button, a') !== null
    if (by !== undefined && event.altKey) {
      if (rule !== undefined && !readonly) onMove(rule.id, rule.position + by)
    } else if (event.altKey) return
    else if (by !== undefined) {
      const to = ids[Math.max(0, Math.min(ids.length - 1, ids.indexOf(at ?? '') + by))]
      if (to !== undefined) onAt(to)
    } else if (onButton && (event.key === 'Enter' || event.key === ' ')) return
    else if (event.key === ' ' && rule !== undefined) onSwitch(rule)
    else if (event.key === 'Enter') onEdit()
    else if (event.key === 'n' && !readonly) onNew()
    else if ((event.key === 'Delete' || event.key === 'Backspace') && rule !== undefined && !readonly) onRemove(rule)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  // Among the others, the place of what is dragged.
  const rest = items.filter((rule) => rule.id !== dragged?.id)
  const dropOf = (rule: Rule) => {
    const place = dragged === null ? -1 : rest.indexOf(rule)
    if (dragged === null || place < 0) return null
    return place === dragged.to ? 'before' : place === dragged.to - 1 && place === rest.length - 1 ? 'behind' : null
  }
  return (
    <div class="rules" data-rules={items.length}><div class="rules-panes">
      <section ref={list} class="rules-list" aria-labelledby="rules-head" onKeyDown={onKeyDown}>
        <header>
          <h2 id="rules-head">Rules <span class="dim">{count(items.length, 'rule')}, asked from the top; the first that fits decides</span></h2>
          <span class="actions">
            <button type="button" data-testid="rules-yaml" {...needsServer()} onClick={onYaml}><Icon name="file-text" size={14} />YAML</button>
            {!readonly && <button type="button" class="primary" data-testid="rule-new" {...needsServer()} onClick={onNew}><Icon name="plus" size={14} />New rule</button>}
          </span>
        </header>
        <p class="only-read" role="status" data-testid="rules-said">{said}</p>
        {items.length === 0 && fresh === null && <Notice icon="rules" title="No rules"><p>Every change is followed at once, by everything but what is pinned.</p></Notice>}
        <ol aria-labelledby="rules-head">
          {fresh !== null && (
            <li class="rule" data-rule={NEW} data-edited="" tabIndex={at === NEW ? 0 : -1} aria-current={at === NEW ? 'true' : undefined} aria-label={`${fresh.name || 'A new rule'}, not saved`} onFocus={() => onAt(NEW)} onClick={() => onAt(NEW)}>
              {!readonly && <span class="rule-grip" />}
              <span class="rule-place mono dim" aria-hidden="true"><Icon name="plus" size={12} /></span>
              <span class="switch-gap" />
              <div class="rule-what"><b dir="auto">{fresh.name || 'A new rule'}</b><p class="dim">Asked first, once it is added</p></div>
              <span class="tag"><span class="dot" />not saved</span>
              <Action verdict={fresh.verdict} />
            </li>
          )}
          {items.map((rule) => (
            <Row key={rule.id} rule={rule} at={rule.id === at} edited={edited.has(rule.id)} wash={washes.get(rule.id) ?? 0} readonly={readonly} dragged={dragged?.id === rule.id} drop={dropOf(rule)}
              labelOf={labelOf} onAt={onAt} onSwitch={onSwitch} onGrip={start} />
          ))}
        </ol>
        <p class="keys-hint dim"><kbd>↑</kbd> <kbd>↓</kbd> walk{!readonly && <> <kbd>Alt ↑ ↓</kbd> move <kbd>Space</kbd> on or off <kbd>N</kbd> new</>} <kbd>Enter</kbd> {readonly ? 'look' : 'edit'}</p>
      </section>
      {children}
    </div></div>
  )
}
