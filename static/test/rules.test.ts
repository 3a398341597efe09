import assert from 'node:assert/strict'
import test from 'node:test'
import type { Rule, SentRule, Trial } from '../src/api/rules.ts'
import { moved, type RulePorts, Rules } from '../src/store/rules.ts'
import { follow } from '../src/store/follow.ts'
import { begin, BLANK, isEdited, overtaken, reading } from '../src/views/rules/form.ts'
import { LiveTest } from '../src/views/rules/live-test.ts'
import { placeAt } from '../src/views/rules/reorder.ts'
import { decidesOf } from '../src/views/rules/test-view.tsx'
import { countWords, problemsByKey, ruleWords } from '../src/views/rules/words.ts'
import { placeInText } from '../src/views/rules/yaml.tsx'

const rule = (id: string, position: number, more: Partial<Rule> = {}): Rule => ({ ...BLANK, id, name: id, position, ...more })
const ids = (rules: readonly Rule[] | null) => rules?.map((one) => `${one.position} ${one.id}`)

/** A server that keeps a list, with what it was asked. */
function served(first: Rule[], ports: Partial<RulePorts> = {}) {
  let list = first
  const asked: [string, string, SentRule?][] = []
  const rules = new Rules({
    read: () => Promise.resolve(list),
    add: (body) => {
      const made = { ...rule(body.id ?? 'made', 0), ...body } as Rule
      asked.push(['add', made.id, body])
      list = moved([made, ...list], made.id, 0)
      return Promise.resolve(made)
    },
    put: (id, body) => {
      asked.push(['put', id, body])
      const before = list.find((one) => one.id === id) ?? rule(id, 0)
      list = moved(list.map((one) => (one.id === id ? { ...one, ...body, position: one.position } : one)), id, body.position ?? before.position)
      return Promise.resolve(list.find((one) => one.id === id) ?? before)
    },
    remove: (id) => {
      asked.push(['remove', id])
      const gone = list.find((one) => one.id === id) ?? rule(id, 0)
      list = list.filter((one) => one.id !== id)
      return Promise.resolve(gone)
    },
    ...ports,
  })
  return { rules, asked, become: (now: Rule[]) => (list = now) }
}

test('a rule that is moved stands there at once, and is sent whole', async () => {
  const { rules, asked } = served([rule('a', 0), rule('b', 1), rule('c', 2)])
  await rules.load()
  const done = rules.move('c', 0)
  assert.deepEqual(ids(rules.items.value), ['0 c', '1 a', '2 b'])
  await done
  assert.deepEqual(ids(rules.items.value), ['0 c', '1 a', '2 b'])
  assert.equal(asked[0]?.[2]?.position, 0)
  assert.equal(asked[0]?.[2]?.verdict, 'require_approval')
})

test('a move and a switch right after it keep both', async () => {
  const { rules } = served([rule('a', 0), rule('b', 1)])
  await rules.load()
  await Promise.all([rules.move('b', 0), rules.switch('b', false)])
  assert.deepEqual(rules.items.value?.map((one) => [one.id, one.enabled]), [['b', false], ['a', true]])
})

test('where the server refuses, the list is what the server has', async () => {
  const { rules } = served([rule('a', 0), rule('b', 1)], { put: () => Promise.reject(new Error('no')) })
  await rules.load()
  await assert.rejects(rules.move('b', 0))
  assert.deepEqual(ids(rules.items.value), ['0 a', '1 b'])
})

test('what others change is read while somebody looks, and washed', async () => {
  const { rules, become } = served([rule('a', 0), rule('b', 1)])
  const nothing = () => undefined
  const followers = { approvals: nothing, conflict: nothing, draft: nothing, changed: nothing, newest: nothing, people: nothing, progress: nothing, finished: nothing, notified: nothing, saved: nothing, tell: nothing, rules: () => rules.stir() }
  const said = () => follow({ type: 'rules_changed', rules: ['b'] }, followers)
  become([rule('a', 0), rule('b', 1, { verdict: 'block' })])
  said()
  assert.equal(rules.items.value, null)
  const leave = rules.watch()
  await rules.load()
  become([rule('b', 0, { verdict: 'pin' }), rule('a', 1)])
  said()
  await rules.load()
  assert.deepEqual(ids(rules.items.value), ['0 b', '1 a'])
  assert.equal(rules.washes.value.get('a'), undefined)
  assert.ok((rules.washes.value.get('b') ?? 0) > 0)
  leave()
})

test('one that somebody else deleted is made again by saving it', async () => {
  const { rules, asked, become } = served([rule('a', 0)])
  await rules.load()
  become([])
  await rules.load()
  await rules.save('a', { ...BLANK, id: 'a', name: 'a' })
  assert.deepEqual(asked.map(([what, id]) => [what, id]), [['add', 'a']])
})

const labels: { [kind: string]: string } = { style: 'style', shot: 'shot', prop: 'prop', asset: 'asset' }
const said = (more: Partial<Rule>) => ruleWords(rule('a', 0, more), (kind) => labels[kind] ?? kind)

test('a rule says in words what it is about', () => {
  assert.equal(said({}), 'When anything changes')
  assert.equal(said({ target_statuses: ['final'] }), 'When anything changes and reaches something that is final')
  assert.equal(said({ change_classes: ['visual'], source_kinds: ['style'], target_kinds: ['shot'], affected_over: 50 }), 'When the look of a style changes and reaches a shot, where more than 50 depend on it')
  assert.equal(said({ source_kinds: ['prop', 'style', 'asset'], fields: ['hair*', 'colour'], author_roles: ['editor'], roles: ['held'] }), 'When a prop, a style or an asset changes in hair* or colour, made by an editor, used as held')
})

test('what is typed is read as lists and numbers, and what is none is left to the server to name', () => {
  const editing = begin(null)
  editing.rule = { ...BLANK, name: ' Hair ' }
  editing.typed = { fields: 'hair*, colour\n colour', roles: '', affected_over: ' 12 ' }
  const read = reading(editing)
  assert.deepEqual([read.name, read.fields, read.roles, read.affected_over], ['Hair', ['hair*', 'colour'], [], 12])
  editing.typed.affected_over = 'many'
  assert.equal(String(reading(editing).affected_over), 'many')
})

test('an edit is one only while it differs; who else changed the rule is told apart from who switched it', () => {
  const base = rule('a', 0)
  const editing = begin(base)
  assert.equal(isEdited(editing), false)
  assert.equal(isEdited({ ...editing, typed: { ...editing.typed, fields: 'hair' } }), true)
  assert.equal(overtaken(editing, { ...base, position: 3 }), null)
  assert.equal(overtaken(editing, { ...base, enabled: false }), null)
  assert.equal(overtaken(editing, { ...base, verdict: 'pin' }), 'changed')
  assert.equal(overtaken(editing, undefined), 'gone')
})

test('what is wrong is shown at its field', () => {
  const errors = [{ field: 'rule.fields.0', message: 'too long' }, { field: 'rule.fields.1', message: 'empty' }, { field: 'affected_over', message: 'must be a whole number' }]
  assert.deepEqual([...problemsByKey(errors)], [['fields', 'too long; empty'], ['affected_over', 'must be a whole number']])
  assert.equal(placeInText('rules.3.affected_over'), 'Rule 4, affected_over')
  assert.equal(placeInText('rules'), 'rules')
})

test('where a dragged row would go is told by the middles of the others', () => {
  assert.deepEqual([5, 15, 25, 95].map((y) => placeAt(y, [10, 20, 30])), [0, 1, 2, 3])
  assert.equal(placeAt(5, []), 0)
})

const run = (id: string, total = 3) => ({ id, asset_ids: ['coat'], total, author: 'ines', message: '', finished_at: null, created_at: '' })
const trial = (of: string): Trial => ({ items: [], total: 3, changed: 0, counts: { now: { update: 2, require_approval: 1 }, candidate: null }, decided: { now: { [of]: 2 }, candidate: null } })

test('the last changes are tried one after the other, and what was asked since ends it', async () => {
  const asked: string[] = []
  let done = () => undefined as void
  const tests = new LiveTest({
    recent: () => Promise.resolve([run('r1'), run('r2', 0), run('r3')]),
    test: (id, candidate) => {
      asked.push(`${id} ${candidate?.name ?? 'as it is'}`)
      if (candidate === null && id === 'r3') done()
      return Promise.resolve(trial(candidate?.name ?? 'a'))
    },
  })
  const settled = new Promise<void>((then) => {
    done = then
  })
  tests.ask({ ...BLANK, name: 'first' })
  await tests.load()
  tests.ask(null)
  await settled
  await Promise.resolve()
  assert.deepEqual(asked, ['r1 as it is', 'r3 as it is'])
  assert.equal(tests.rows.value?.length, 2)
  assert.equal(decidesOf(tests.rows.value?.[0] ?? { run: run('r'), trial: null }, 'a'), 2)
  tests.stop()
})

test('verdicts are counted in words, in the order of rules', () => {
  assert.equal(countWords({ require_approval: 1, update: 27, pinned: 0 }), '27 follow, 1 asks')
})
