/** A rule as it is edited: kept for as long as it is not saved, whatever else is looked at meanwhile. */
import type { Rule, SentRule } from '../../api/rules.ts'
import { sameRule, sent } from '../../store/rules.ts'

/** What is edited goes by this until it has an id. */
export const NEW = '@new'

export interface Editing {
  /** What it was when editing began; none for a new one. */
  base: Rule | null
  rule: SentRule
  /** As it was typed; it is read when it is used. */
  typed: { fields: string; roles: string; affected_over: string }
}

export const BLANK: SentRule = {
  name: '', verdict: 'require_approval', change_classes: [], source_kinds: [], target_kinds: [], target_statuses: [], fields: [], roles: [], affected_over: null, author_roles: [], enabled: true, phase: null,
}

const typedOf = (rule: SentRule) => ({ fields: rule.fields.join(', '), roles: rule.roles.join(', '), affected_over: rule.affected_over === null ? '' : String(rule.affected_over) })

export const begin = (base: Rule | null): Editing => {
  const rule = base === null ? BLANK : sent(base)
  return { base, rule, typed: typedOf(rule) }
}

const words = (text: string) => [...new Set(text.split(/[,\n]/).map((one) => one.trim()).filter((one) => one !== ''))]

/** What is sent. A number that is none goes as text, so that the server names it. */
export function reading({ rule, typed }: Editing): SentRule {
  const over = typed.affected_over.trim()
  return Object.assign({}, rule, { name: rule.name.trim(), fields: words(typed.fields), roles: words(typed.roles), affected_over: over === '' ? null : /^\d+$/.test(over) ? Number(over) : (over as unknown as number) })
}

const asRule = (rule: SentRule): Rule => Object.assign({ id: '', position: 0 }, rule)

/** Whether it says something else than what is saved. */
export function isEdited(editing: Editing): boolean {
  return !sameRule(asRule(Object.assign({}, reading(editing), editing.base === null ? {} : { id: editing.base.id })), editing.base ?? asRule(BLANK))
}

/** Whether somebody else made something else of it meanwhile; `null` where it is gone. */
export function overtaken(editing: Editing, now: Rule | undefined): 'changed' | 'gone' | null {
  if (editing.base === null) return null
  if (now === undefined) return 'gone'
  // Whether it is on is switched in the list, also while it is edited.
  return sameRule(Object.assign({}, editing.base, { enabled: now.enabled }), now) ? null : 'changed'
}
