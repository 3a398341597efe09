/** One rule in the order in which they are asked: on or off, what it is about, what it does. */
import { useEffect, useRef } from 'preact/hooks'
import type { Rule } from '../../api/rules.ts'
import { Icon } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { needsServer } from '../../ui/reach.ts'
import { Wash } from '../../ui/wash.tsx'
import { ACTIONS, ruleWords } from './words.ts'

export interface RowProps {
  rule: Rule
  /** The keyboard is here, and the editor shows it. */
  at: boolean
  edited: boolean
  wash: number
  readonly: boolean
  dragged: boolean
  /** What is dragged would go before this one, or behind it. */
  drop: 'before' | 'behind' | null
  labelOf(kind: string): string
  onAt(id: string): void
  onSwitch(rule: Rule): void
  onGrip(id: string, event: PointerEvent): void
}

export function Action({ verdict }: { verdict: Rule['verdict'] }) {
  const { icon, words } = ACTIONS[verdict]
  return <span class="rule-action" data-verdict={verdict}><Icon name={icon} size={14} />{words}</span>
}

export const Row = memo(function Row({ rule, at, edited, wash, readonly, dragged, drop, labelOf, onAt, onSwitch, onGrip }: RowProps) {
  const element = useRef<HTMLLIElement>(null)
  useEffect(() => {
    // Only whoever walks over the list is moved on in it.
    if (at && document.activeElement?.closest('.rule') !== null && !element.current?.contains(document.activeElement)) element.current?.focus()
  }, [at])
  const about = ruleWords(rule, labelOf)
  return (
    <li ref={element} class={`rule wash${rule.enabled ? '' : ' off'}`} data-rule={rule.id} data-enabled={rule.enabled ? '' : undefined} data-edited={edited ? '' : undefined} data-dragged={dragged ? '' : undefined} data-drop={drop ?? undefined}
      tabIndex={at ? 0 : -1} aria-current={at ? 'true' : undefined} aria-label={`${rule.position + 1}. ${rule.name}: ${ACTIONS[rule.verdict].words}${rule.enabled ? '' : ', switched off'}${edited ? ', not saved' : ''}`} onFocus={() => onAt(rule.id)} onClick={() => onAt(rule.id)}>
      <Wash count={wash} />
      {!readonly && <span class="rule-grip" data-grip-rule={rule.id} data-tip="Drag, or Alt ↑ ↓" onPointerDown={(event) => onGrip(rule.id, event)}><Icon name="grip" size={14} /></span>}
      <span class="rule-place mono dim" aria-hidden="true">{rule.position + 1}</span>
      <input type="checkbox" role="switch" class="switch" tabIndex={-1} checked={rule.enabled} aria-checked={rule.enabled} aria-label={`${rule.name}: switched on`} data-testid="rule-switch" {...needsServer(readonly)} onClick={(event) => {
        // The list says what is so; it follows at once.
        event.preventDefault()
        onSwitch(rule)
      }} />
      <div class="rule-what">
        <b dir="auto">{rule.name}</b>
        <p class="dim" dir="auto">{about}{rule.enabled ? '' : '. Off: it is passed over'}</p>
      </div>
      {edited && <span class="tag"><span class="dot" />not saved</span>}
      <Action verdict={rule.verdict} />
    </li>
  )
})
