/** Rules in words: what one is about, and what it does. */
import type { Rule, SentRule, Verdict } from '../../api/rules.ts'
import { number } from '../../ui/bits.tsx'
import type { IconName } from '../../ui/icon.tsx'

export const ACTIONS: { [verdict in Verdict]: { icon: IconName; words: string; says: string } } = {
  update: { icon: 'arrow-right', words: 'Follow', says: 'It shows the new version at once.' },
  notify: { icon: 'bell', words: 'Only tell', says: 'It stays as it is; its people are told.' },
  require_approval: { icon: 'approved', words: 'Ask', says: 'It stays as it is until somebody approves.' },
  mark_stale: { icon: 'clock', words: 'Mark stale', says: 'It stays as it is and says that it is behind.' },
  pin: { icon: 'pin', words: 'Pin', says: 'It is pinned to the version that it shows.' },
  block: { icon: 'lock', words: 'Hold back', says: 'It stays as it is, and nobody is asked.' },
}

/** Verdicts of a trial, as what happens to so many: "27 follow", "2 ask". */
const DONE: { [verdict: string]: readonly [one: string, many: string] } = {
  update: ['follows', 'follow'],
  notify: ['is only told', 'are only told'],
  require_approval: ['asks', 'ask'],
  mark_stale: ['is marked stale', 'are marked stale'],
  pin: ['is pinned by a rule', 'are pinned by a rule'],
  block: ['is held back', 'are held back'],
  pinned: ['is pinned', 'are pinned'],
  approved: ['follows what is approved', 'follow what is approved'],
  not_reached: ['is not reached', 'are not reached'],
}

export const doneWords = (verdict: string, n = 1) => (DONE[verdict] ?? [verdict.replaceAll('_', ' '), verdict.replaceAll('_', ' ')])[n === 1 ? 0 : 1]

/** "27 follow, 2 ask" */
export function countWords(counts: { [verdict: string]: number }): string {
  const order = Object.keys(DONE)
  return Object.entries(counts).filter(([, n]) => n > 0).toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b)).map(([verdict, n]) => `${number(n)} ${doneWords(verdict, n)}`).join(', ')
}

export const CLASS_WORDS: { [name: string]: string } = { visual: 'Look', metadata: 'Details', relationship: 'What it is built on' }
export const PHASE_WORDS: { [name: string]: string } = { realtime: 'First, with what is on screen', batch: 'With the others', background: 'Last, in the background' }

const CHANGES: { [name: string]: string } = { visual: 'the look', metadata: 'a detail', relationship: 'what it is built on' }

export function any(words: readonly string[]): string {
  const [last] = words.slice(-1)
  return words.length < 2 ? (last ?? '') : `${words.slice(0, -1).join(', ')} or ${last}`
}

const AN = /^[aeiou]/i
const a = (word: string) => `${AN.test(word) ? 'an' : 'a'} ${word}`

/** What a rule goes by: "When the look of a style changes for a shot, and more than 50 are reached". */
export function ruleWords(rule: Rule | SentRule, labelOf: (kind: string) => string): string {
  const what = rule.change_classes.length > 0 ? any(rule.change_classes.map((one) => CHANGES[one] ?? one)) : ''
  const source = rule.source_kinds.length > 0 ? any(rule.source_kinds.map((kind) => a(labelOf(kind)))) : ''
  const subject = what === '' ? (source === '' ? 'anything' : source) : source === '' ? what : `${what} of ${source}`
  const fields = rule.fields.length > 0 ? ` in ${any(rule.fields)}` : ''
  const kinds = rule.target_kinds.length > 0 ? any(rule.target_kinds.map((kind) => a(labelOf(kind)))) : ''
  const statuses = rule.target_statuses.length > 0 ? any(rule.target_statuses) : ''
  const target = kinds === '' && statuses === '' ? '' : ` and reaches ${kinds === '' ? 'something' : kinds}${statuses === '' ? '' : ` that is ${statuses}`}`
  const role = rule.roles.length > 0 ? `, used as ${any(rule.roles)}` : ''
  const over = rule.affected_over === null ? '' : `, where more than ${number(rule.affected_over)} depend on it`
  const by = rule.author_roles.length > 0 ? `, made by ${any(rule.author_roles.map((one) => a(one)))}` : ''
  return `When ${subject} changes${fields}${by}${target}${role}${over}`
}

/** The part of a refusal that concerns a field of the form: `rule.fields.0` is about `fields`. */
export function problemsByKey(errors: readonly { field: string; message: string }[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { field, message } of errors) {
    const key = field.replace(/^(?:body\.)?(?:rule\.)?/, '').split('.')[0] ?? field
    found.set(key, [...new Set([found.get(key), message].filter((one) => one !== undefined))].join('; '))
  }
  return found
}
