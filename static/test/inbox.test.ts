import assert from 'node:assert/strict'
import test from 'node:test'
import { Inbox, parts, readNotification, SHOWN } from '../src/store/inbox.ts'
import { follow } from '../src/store/follow.ts'
import type { Frame } from '../src/types.ts'

const frame = (id: string, more: Partial<Frame> = {}): Frame => ({ type: 'notification', seq: 1, id, kind: 'digest', text: 'Mara v14: 23 shots: 18 updated', entity_id: 'mara', run_id: 'r', detail: { needs_you: 2 }, created_at: '2026-05-01T00:00:00.000Z', ...more })

const nothing = () => undefined
const followers = { approvals: nothing, rules: nothing, conflict: nothing, draft: nothing, changed: nothing, newest: nothing, people: nothing, progress: nothing, finished: nothing, saved: nothing, tell: nothing }

test('a notification arrives once, newest first, and is counted and said', () => {
  const inbox = new Inbox('film')
  for (const id of ['a', 'b', 'b']) follow(frame(id), { ...followers, notified: (f) => inbox.arrived(f) })
  assert.deepEqual(inbox.items.value.map((one) => one.id), ['b', 'a'])
  assert.equal(inbox.unread.value, 2)
  assert.equal(inbox.said.value, 'Mara v14: 23 shots: 18 updated')
})

test('what is listed is bounded', () => {
  const inbox = new Inbox('film')
  for (let n = 0; n < SHOWN + 5; n += 1) inbox.arrived(frame(`n${n}`))
  assert.equal(inbox.items.value.length, SHOWN)
  assert.equal(inbox.unread.value, SHOWN + 5)
})

test('a frame that is no notification is none', () => {
  assert.equal(readNotification({ type: 'notification' }), null)
  assert.equal(readNotification(frame('a', { entity_id: null, detail: [] }))?.entity_id, null)
})

test('a text is about something and says something', () => {
  assert.deepEqual(parts('Mara v14: 23 shots: 18 updated'), ['Mara v14', '23 shots: 18 updated'])
  assert.deepEqual(parts('sh020 was deleted by jan'), ['', 'sh020 was deleted by jan'])
})
