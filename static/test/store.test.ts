import assert from 'node:assert/strict'
import test from 'node:test'
import { follow, subjects, versionNumber } from '../src/store/follow.ts'
import { group, LOOSE } from '../src/store/groups.ts'
import { difference, sourcesOf, withOverlays } from '../src/store/overlay.ts'
import { Runs, sentence } from '../src/store/runs.ts'
import type { Fields } from '../src/types.ts'
import { ref, shot, worn } from './shot.ts'

const coat = (fields: Fields = { colour: '#27406b' }, more = {}) => ref('wardrobe', 'coat', fields, { references: [worn('mara')], ...more })
const over = (source: string, fields: Fields) => new Map([[source, fields]])

test('a draft shows over a reference that follows it, and says whose it is', () => {
  const { shot: shown, previews } = withOverlays(shot('a', [coat()]), over('coat', { colour: '#d8a31a' }))
  assert.equal(shown.references[0]?.fields['colour'], '#d8a31a')
  assert.deepEqual(previews, ['coat'])
})

test('a pin holds, all the way down', () => {
  const pinned = shot('a', [coat(undefined, { policy: 'pinned' })])
  assert.equal(withOverlays(pinned, over('coat', { colour: '#d8a31a' })).shot, pinned)
  assert.equal(withOverlays(pinned, over('mara', { hair: '#000000' })).shot, pinned)
})

test('a final shot keeps its picture; it asks first', () => {
  const final = shot('a', [coat()], {}, { status: 'final' })
  assert.equal(withOverlays(final, over('coat', { colour: '#d8a31a' })).shot, final)
})

test('an override wins over a draft', () => {
  const { previews } = withOverlays(shot('a', [coat({ colour: '#111111' }, { overrides: { colour: '#111111' } })]), over('coat', { colour: '#d8a31a' }))
  assert.deepEqual(previews, [])
})

test('a draft that says what is published is no preview', () => {
  const same = shot('a', [coat()])
  assert.equal(withOverlays(same, over('coat', { colour: '#27406b', state: '' })).shot, same)
})

test("a shot's own draft shows in it", () => {
  assert.equal(withOverlays(shot('a', [], { framing: 'wide' }), over('a', { framing: 'close' })).shot.fields['framing'], 'close')
})

test('difference: empty, null and absent are one', () => {
  assert.deepEqual(difference({ a: '', b: null, c: [1], d: 2 }, { c: [1], d: 1 }), { d: 2 })
})

test('sources are found however deep', () => {
  assert.deepEqual([...sourcesOf(shot('a', [coat()]))].toSorted(), ['a', 'coat', 'mara'])
})

test('shots sit under their sequence in its order, or where their scene sits', () => {
  const at = (kind: string, source: string, order: string) => ref(kind, source, {}, { order })
  const sequences = new Map([
    ['q2', shot('q2', [at('scene', 'sc', 'a1')], {}, { name: 'Two' })],
    ['q1', shot('q1', [at('shot', 'a', 'a3'), at('shot', 'b', 'a2')], {}, { name: 'One' })],
  ])
  const scenes = new Map([['sc', shot('sc', [at('shot', 'c', 'a1'), at('shot', 'b', 'a2')])]])
  const groups = group([
    shot('b', [], { duration: 2 }),
    shot('a', [], { duration: 3 }),
    shot('c'),
    shot('d'),
  ], sequences, scenes)
  assert.deepEqual(groups.map((g) => [g.id, g.shots, g.seconds]), [['q1', ['b', 'a'], 5], ['q2', ['c'], 0], [LOOSE, ['d'], 0]])
})

test('frames: every subject is found, versions are read in every spelling', () => {
  assert.deepEqual(subjects({ type: 'graph_changed', reference: { id: 'r1', source: 'coat', target: 'sh1' }, affected_entities: ['sh2', 'sh1'] }), ['sh2', 'sh1', 'coat'])
  assert.deepEqual(subjects({ type: 'entity_changed', entity: { id: 'x', kind: 'prop' } }), ['x'])
  assert.deepEqual([versionNumber(4), versionNumber('char-001_v14'), versionNumber('x')], [4, 14, null])
})

test('a published update names what changed, a draft carries its values', () => {
  const heard: unknown[] = []
  const to = {
    draft: (...a: unknown[]) => heard.push(['draft', ...a]), changed: (...a: unknown[]) => heard.push(['changed', ...a]), newest: (...a: unknown[]) => heard.push(['newest', ...a]),
    approvals: () => undefined, rules: () => undefined, conflict: () => undefined, people: () => undefined, progress: () => undefined, finished: () => undefined, notified: () => undefined, saved: () => undefined, tell: () => undefined,
  }
  follow({ type: 'asset_update', stage: 'draft', asset_id: 'coat', values: { colour: '#fff000' }, affected_entities: ['a'] }, to)
  follow({ type: 'asset_update', stage: 'published', asset_id: 'coat', version: 'coat_v2', affected_entities: ['a'] }, to)
  follow({ type: 'something new' }, to)
  assert.deepEqual(heard, [['draft', 'coat', { colour: '#fff000' }], ['newest', 'coat', 2], ['changed', ['coat', 'a'], 'coat']])
})

test('progress never moves backwards, and a late frame does not wake a finished run', () => {
  const runs = new Runs()
  const frame = (progress: number, counts = {}) => ({ type: 'propagation_progress', run_id: 'r', asset_id: 'coat', progress, processed: progress, total: 100, counts })
  runs.progress(frame(40))
  runs.progress(frame(30))
  assert.equal(runs.line.value?.progress, 40)
  runs.progress(frame(100, { updated: 3 }))
  runs.progress(frame(60))
  assert.deepEqual([runs.line.value?.done, runs.line.value?.progress], [true, 100])
  runs.finished({ type: 'run_finished', run_id: 'r', counts: { updated: 18, pinned: 3, awaiting_approval: 1, conflict: 1 } })
  assert.equal(sentence(runs.line.value?.counts ?? {}), '18 updated, 3 pinned, 2 need you')
  runs.dismiss()
})
