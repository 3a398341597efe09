import assert from 'node:assert/strict'
import test from 'node:test'
import { type ApprovalPorts, Approvals, planHashOf } from '../src/store/approvals.ts'
import type { Approval, ApprovalGroup, ApprovalPage } from '../src/types.ts'
import { parse } from '../src/ui/router.ts'

const hash = (n: number) => n.toString(16).padStart(64, '0')
const side = (version: number) => ({ version, visual_hash: null })

function item(n: number, run = 'run-1'): Approval {
  return {
    id: `appr-${n}`, source: 'coat', source_name: 'Coat', source_kind: 'wardrobe', target: `sh${n}`, target_name: `Shot ${n}`, target_kind: 'shot', target_status: 'final',
    classes: ['visual'], rule: { id: 'r', name: 'R' }, run_id: run, author: 'ines', since: '', at: '', status: 'open', plan_hash: hash(n), before: side(1), after: side(2), differs: { fields: {} },
  }
}

const group = (run: string, open: number): ApprovalGroup => ({ run_id: run, open, plan_hash: hash(9), sources: [], author: 'ines', message: '', cause: 'api', created_at: null })

/** A server that has these waiting; `decided` is what it was told. */
function served(waiting: Approval[], ports: Partial<ApprovalPorts> = {}) {
  const decided: unknown[][] = []
  const failures: unknown[] = []
  const approvals = new Approvals({
    read: (limit, cursor) => {
      const from = Number(cursor ?? 0)
      const items = waiting.slice(from, from + limit)
      const runs = [...new Set(items.map((one) => one.run_id))]
      const groups = runs.map((run) => group(run, waiting.filter((one) => one.run_id === run).length))
      const page: ApprovalPage = { items, groups, open: waiting.length, next_cursor: from + limit < waiting.length ? String(from + limit) : null }
      return Promise.resolve(page)
    },
    readOne: (id) => Promise.resolve(waiting.find((one) => one.id === id) ?? item(0)),
    decide: (...told) => {
      decided.push(told)
      return Promise.resolve()
    },
    failed: (error) => failures.push(error),
    ...ports,
  })
  return { approvals, decided, failures }
}

test('several are named by the sum of their hashes, as the server does it', () => {
  assert.equal(planHashOf([item(1)]), hash(1))
  assert.equal(planHashOf([item(1), item(2)]), hash(3))
  const most = { plan_hash: 'f'.repeat(64) }
  assert.equal(planHashOf([most, item(2)]), hash(1))
})

test('while nobody looks only their number is read', async () => {
  const { approvals } = served([item(1), item(2)])
  await approvals.load()
  assert.equal(approvals.open.value, 2)
  assert.equal(approvals.items.value, null)
})

test('what is decided goes from the list at once, and names what was shown', async () => {
  const { approvals, decided } = served([item(1), item(2), item(3)])
  const leave = approvals.watch()
  await approvals.load()
  const [first, second] = approvals.items.value ?? []
  assert.ok(first !== undefined && second !== undefined)
  assert.equal(await approvals.decide([first, second], 'reject', 'too green'), true)
  assert.deepEqual(decided, [[['appr-1', 'appr-2'], 'reject', hash(3), 'too green']])
  assert.deepEqual(approvals.items.value?.map((one) => one.id), ['appr-3'])
  assert.equal(approvals.open.value, 1)
  approvals.stop()
  leave()
})

test('a refusal leaves the list as it was, and is told', async () => {
  const { approvals, failures } = served([item(1)], { decide: () => Promise.reject(new Error('stale')) })
  const leave = approvals.watch()
  await approvals.load()
  assert.equal(await approvals.decide(approvals.items.value ?? [], 'approve', ''), false)
  assert.equal(failures.length, 1)
  assert.equal(approvals.items.value?.length, 1)
  assert.equal(approvals.busy.value.size, 0)
  approvals.stop()
  leave()
})

test('a whole change is decided with what was not shown of it yet', async () => {
  const { approvals } = served([...Array.from({ length: 130 }, (_, n) => item(n)), item(200, 'run-0')])
  const leave = approvals.watch()
  await approvals.load()
  assert.equal(approvals.items.value?.length, 100)
  assert.equal((await approvals.groupOf('run-1')).length, 130)
  leave()
})

test('its place is a URL', () => {
  assert.deepEqual(parse('/p/film/approvals', '?e=sh010'), { project: 'film', view: 'approvals', entity: 'sh010' })
})
