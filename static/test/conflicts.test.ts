import assert from 'node:assert/strict'
import test from 'node:test'
import type { Conflict } from '../src/api/conflicts.ts'
import { type ConflictPorts, Conflicts } from '../src/store/conflicts.ts'
import { choicesOf, isEditable, wordSteps } from '../src/views/conflicts/words.ts'

const conflict = (n: number, more: Partial<Conflict> = {}): Conflict => ({
  id: `conf-${n}`, type: 'version_conflict', severity: 'medium', entity_id: 'coat', entity_name: 'Coat', entity_kind: 'wardrobe', field: 'colour', field_label: 'Colour', field_type: 'colour', base: '#111111', ours: '#222222', theirs: '#333333', merged: null, current: '#222222',
  ours_by: 'ann', theirs_by: 'ines', affected_users: [], resolution_options: ['ours', 'theirs', 'merged'], status: 'open', automatic: false, resolution: null, reason: '', run_id: null, created_at: '', resolved_by: null, resolved_at: null, ...more,
})

function served(open: Conflict[], resolved: Conflict[] = [], ports: Partial<ConflictPorts> = {}) {
  const asked: unknown[][] = []
  const failures: unknown[] = []
  const conflicts = new Conflicts({
    read: (status, limit) => {
      asked.push(['read', status, limit])
      return Promise.resolve({ items: (status === 'open' ? open : resolved).slice(0, limit), open: open.length, next_cursor: null })
    },
    resolve: (...told) => {
      asked.push(['resolve', ...told])
      return Promise.resolve()
    },
    failed: (error) => failures.push(error),
    ...ports,
  })
  return { conflicts, asked, failures }
}

test('while nobody looks only the number of what waits is read', async () => {
  const { conflicts, asked } = served([conflict(1), conflict(2)])
  await conflicts.load()
  assert.deepEqual([conflicts.open.value, conflicts.items.value, asked], [2, null, [['read', 'open', 1]]])
})

test('what is settled goes from the list at once; a refusal leaves it there and is told', async () => {
  const { conflicts, asked } = served([conflict(1), conflict(2)])
  const leave = conflicts.watch()
  await conflicts.load()
  const [first] = conflicts.items.value ?? []
  assert.ok(first !== undefined)
  assert.equal(await conflicts.resolve(first, 'merged', '#444444'), true)
  assert.deepEqual(asked.at(-1), ['resolve', 'conf-1', 'merged', '#444444'])
  assert.deepEqual([conflicts.items.value?.map((one) => one.id), conflicts.open.value], [['conf-2'], 1])
  conflicts.stop()
  leave()

  const refused = served([conflict(1)], [], { resolve: () => Promise.reject(new Error('decided')) })
  const gone = refused.conflicts.watch()
  await refused.conflicts.load()
  assert.equal(await refused.conflicts.resolve(conflict(1), 'ours'), false)
  assert.deepEqual([refused.failures.length, refused.conflicts.items.value?.length, refused.conflicts.busy.value.size], [1, 1, 0])
  refused.conflicts.stop()
  gone()
})

test('what was settled by itself is shown apart, without what somebody chose', async () => {
  const { conflicts } = served([conflict(1)], [conflict(2, { status: 'resolved', automatic: true }), conflict(3, { status: 'resolved', resolved_by: 'ann' })])
  const leave = conflicts.watch()
  conflicts.show('settled')
  await conflicts.load()
  assert.deepEqual(conflicts.items.value?.map((one) => one.id), ['conf-2'])
  assert.equal(conflicts.open.value, 1)
  leave()
})

test('only what is proposed can be taken; what it is built on is one side or the other', () => {
  assert.deepEqual(choicesOf(conflict(1)), ['ours', 'theirs'])
  assert.deepEqual(choicesOf(conflict(1, { merged: '#000000' })), ['ours', 'merged', 'theirs'])
  assert.equal(isEditable(conflict(1)), true)
  assert.equal(isEditable(conflict(1, { field: '@references', resolution_options: ['ours', 'theirs'] })), false)
})

test('two texts differ word by word, and what is too long is left alone', () => {
  const steps = wordSteps('A long yellow coat.', 'A short yellow coat, torn.') ?? []
  assert.equal(steps.filter((s) => s.op !== 'insert').map((s) => s.text).join(''), 'A long yellow coat.')
  assert.equal(steps.filter((s) => s.op !== 'delete').map((s) => s.text).join(''), 'A short yellow coat, torn.')
  assert.deepEqual(steps.find((s) => s.op === 'delete'), { op: 'delete', text: 'long' })
  assert.equal(wordSteps('a '.repeat(400), 'b'), null)
})
