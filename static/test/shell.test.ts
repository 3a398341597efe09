import assert from 'node:assert/strict'
import test from 'node:test'
import { Problem } from '../src/api/problem.ts'
import { formatOf, glance, importLists, importWords } from '../src/store/importing.ts'
import { Past } from '../src/store/past.ts'
import { sameInputs } from '../src/ui/memo.ts'
import { withinInspector } from '../src/ui/preferences.ts'
import { href, parse, toward } from '../src/ui/router.ts'
import type { Entity, Version } from '../src/types.ts'
import { readHex, readLines, stepOf } from '../src/views/inspector/controls.tsx'
import { alike, forecastWords, inOrder, isWide, type Known, reachesMany, watchersWords } from '../src/views/inspector/forecast.ts'
import { without } from '../src/views/inspector/overrides.tsx'
import { scriptLines } from '../src/views/inspector/screenplay.ts'
import { groupUses, usageWords } from '../src/views/inspector/used-by.tsx'
import { type Item, listed } from '../src/views/shell/palette.tsx'
import { idFor, problemOf } from '../src/views/shell/project-fields.tsx'

test('a version has a URL of its own, and going to another entity leaves it', () => {
  const at = { project: 'film', view: 'storyboard' as const, entity: 'coat', version: 3 }
  const url = new URL(href(at), 'http://x')
  assert.deepEqual(parse(url.pathname, url.search), at)
  assert.deepEqual(toward(at, { view: 'breakdown' }), { ...at, view: 'breakdown' })
  assert.equal(toward(at, { entity: 'hero' }).version, undefined)
  assert.equal(toward(at, { version: null }).version, undefined)
  assert.equal(toward(at, { version: 4 }).version, 4)
  assert.equal(parse('/p/film/storyboard', '?e=coat&v=x').version, undefined)
  assert.equal(parse('/p/film/storyboard', '?v=3').version, undefined)
})

test('a colour is read in the ways in which people write one', () => {
  assert.deepEqual(['#ABC', 'd8a31a', ' #D8A31A ', '', 'yellow', '#12345'].map(readHex), ['#aabbcc', '#d8a31a', '#d8a31a', null, undefined, undefined])
})

test('an arrow key moves the last decimal that is there', () => {
  assert.deepEqual([7, 0.35, 1.5, 0].map(stepOf), [1, 0.01, 0.1, 1])
})

test('a list of numbers stays one; a comma is no separator', () => {
  assert.deepEqual(readLines('1\n 2.5\n\n', [1]), [1, 2.5])
  assert.deepEqual(readLines('one, two\nthree', []), ['one, two', 'three'])
})

test('a forecast says what will repaint, what stays and what asks', () => {
  const known: Known = { nameOf: (id) => id, isShot: (id) => id.startsWith('s'), isFinal: (id) => id === 's4', whoHas: () => [] }
  const row = (entity_id: string, outcome: string) => ({ entity_id, outcome, reason: '' })
  const outcomes = [row('s1', 'updated'), row('s2', 'updated'), row('s3', 'pinned'), row('s4', 'awaiting_approval'), row('q1', 'updated'), row('s5', 'unchanged')]
  assert.equal(forecastWords({ counts: {}, outcomes }, known), '2 shots will repaint, 1 is pinned, 1 is final and will ask. 1 other follows.')
  assert.equal(forecastWords({ counts: {}, outcomes: [row('s3', 'awaiting_approval')] }, known), '1 will ask first.')
  assert.equal(forecastWords({ counts: {}, outcomes: [row('q', 'updated'), row('r', 'updated')] }, known), '2 others follow.')
  assert.equal(forecastWords({ counts: { updated: 18, pinned: 3 }, outcomes: [] }, known), '18 shots will repaint, 3 are pinned.')
  assert.equal(forecastWords({ counts: {}, outcomes: [] }, known), '')
})

test('what reaches more than fifty shots, or anything final, asks first', () => {
  const known: Known = { nameOf: (id) => id, isShot: (id) => id.startsWith('s'), isFinal: (id) => id === 's7', whoHas: (id) => (id === 's1' ? ['ann', 'otto'] : id === 's2' ? ['ann'] : []) }
  const row = (entity_id: string, outcome: string) => ({ entity_id, outcome, reason: '' })
  const many = Array.from({ length: 51 }, (_, i) => row(`s${100 + i}`, 'updated'))
  assert.equal(isWide({ counts: {}, outcomes: many }, known), true)
  assert.equal(isWide({ counts: {}, outcomes: [...many.slice(1), row('q1', 'updated')] }, known), false)
  assert.equal(isWide({ counts: {}, outcomes: [row('s1', 'awaiting_approval')] }, known), true)
  assert.equal(isWide({ counts: {}, outcomes: [row('s7', 'updated')] }, known), true)
  assert.equal(isWide({ counts: {}, outcomes: [row('s7', 'unchanged'), row('s1', 'pinned')] }, known), false)
  const outcomes = [row('s1', 'updated'), row('q1', 'updated'), row('s2', 'updated'), row('s9', 'pinned'), row('s8', 'awaiting_approval'), row('s7', 'unchanged')]
  assert.deepEqual(inOrder(outcomes, known).map((o) => o.entity_id), ['s8', 's9', 's1', 's2', 'q1'])
  assert.deepEqual(alike(inOrder(outcomes, known)).map((one) => [one.outcome, one.ids.join(' ')]), [['awaiting_approval', 's8'], ['pinned', 's9'], ['updated', 's1 s2 q1']])
  assert.equal(reachesMany({ counts: {}, outcomes: [row('s1', 'awaiting_approval')] }, known), false)
  assert.equal(watchersWords({ counts: {}, outcomes }, known), 'ann and otto have 2 of these open.')
  assert.equal(watchersWords({ counts: {}, outcomes: [row('s2', 'updated')] }, known), 'ann has one of these open.')
})

test('uses stand under their sequences, in the order of the storyboard', () => {
  const use = (id: string, kind: string) => ({ id, kind, depth: 1, path: [] })
  const sequences = [{ id: 'q1', name: 'One', seconds: 0, shots: ['b', 'a'] }, { id: 'q2', name: 'Two', seconds: 0, shots: ['c'] }]
  const groups = groupUses([use('a', 'shot'), use('b', 'shot'), use('hero', 'character')], sequences, (id) => id.length === 1, (kind, n) => `${kind} ${n}`)
  assert.deepEqual(groups.map((g) => [g.title, g.items.map((i) => i.id)]), [['One', ['b', 'a']], ['character 1', ['hero']]])
  assert.equal(usageWords({ total: 3, follow: 1, approved: 0, pinned: 1, final: 1 }), '1 follows latest · 1 pinned · 1 final, will ask')
})

test('taking one override away leaves the others', () => {
  assert.deepEqual(without({ colour: '#fff', pattern: 'plain' }, 'colour'), { pattern: 'plain' })
})

test('a script reads as a page: headings, action, who speaks and what', () => {
  const text = 'INT. KITCHEN - NIGHT #4#\n\nSteam.\n\nMARA (V.O.)\n(low)\nTea?\n\nCUT TO:\n\n.THE QUAY\n\n@McCoy\nYes.'
  assert.deepEqual(scriptLines(text).filter((l) => l.kind !== 'blank').map((l) => [l.kind, l.text]), [
    ['heading', 'INT. KITCHEN - NIGHT'], ['action', 'Steam.'], ['character', 'MARA (V.O.)'], ['parenthetical', '(low)'], ['dialogue', 'Tea?'],
    ['transition', 'CUT TO:'], ['heading', 'THE QUAY'], ['character', 'McCoy'], ['dialogue', 'Yes.'],
  ])
  assert.deepEqual(scriptLines('').map((l) => l.kind), ['blank'])
})

test('a file is known by what it holds', () => {
  assert.deepEqual(['\uFEFF {"shots": []}', '[1]', 'Title: X\n\nINT. A - DAY\n', ''].map(formatOf), ['json', 'json', 'fountain', 'fountain'])
  const script = glance({ format: 'fountain', text: 'Title:\n    _**The Lamp**_\nCredit: by\n\nINT. A - DAY\n\nEXT. B - NIGHT\n' })
  assert.deepEqual([script.title, script.words, script.problem], ['The Lamp', 'A screenplay of about 2 scenes.', ''])
  const film = glance({ format: 'json', text: '{"project": {"name": "Film"}, "shots": [{}, {}], "scenes": [{}]}' })
  assert.deepEqual([film.title, film.words], ['Film', 'A production with 1 scene, 2 shots.'])
  assert.match(glance({ format: 'json', text: '{' }).problem, /not valid JSON/)
})

test('what an import would do is said in words, whatever parts the answer has', () => {
  assert.equal(importWords({ created: 12, updated: 3, unchanged: 40 }, false), '12 would be created, 3 would be updated. 40 stay as they are.')
  assert.equal(importWords({ created: 1 }, true), '1 created.')
  assert.equal(importWords({ unchanged: 4 }, false), 'Everything in this file is here already. Nothing would change.')
  assert.deepEqual(importLists({}), [])
  const lists = importLists({
    skipped: [{ item: 'x', reason: 'no kind' }],
    warnings: ['one'],
    screenplay: {
      scenes: { rewritten: [{ id: 's4', number: '4', heading: 'INT. A', what: ['action'] }], moved: [{ number: 7, heading: 'EXT. B', from: 3, to: 9 }] },
      people: { renamed: [{ id: 'b', from: 'BOB', to: 'ROB' }], offered: [{ a: { name: 'BOB' }, b: { name: 'CYBER BOB' }, reason: 'one name holds the other' }] },
      affected_shots: [{ id: 'sh1', name: 'One', reason: 'its scene was rewritten' }],
    },
  })
  assert.deepEqual(lists.map((l) => [l.id, l.rows.map((r) => [r.what, r.more])]), [
    ['rewritten', [['4. INT. A', 'action']]],
    ['moved', [['7. EXT. B', 'from 3 to 9']]],
    ['renamed', [['BOB → ROB', '']]],
    ['offered', [['BOB and CYBER BOB', 'one name holds the other']]],
    ['affected-shots', [['One', 'its scene was rewritten']]],
    ['skipped', [['x', 'no kind']]],
    ['warnings', [['one', '']]],
  ])
})

test('an id is made of a name, in any script', () => {
  assert.deepEqual(['Brücke bei Nacht', '  The  Lamp! ', 'الفيلم الأول', '!!!'].map(idFor), ['brucke-bei-nacht', 'the-lamp', 'الفيلم-الأول', ''])
})

test('a problem stands at the field that it is about', () => {
  const error = new Problem(422, 'invalid', '', '', [{ field: 'settings.aspect_ratio', message: 'must be a number from 0.2 to 5' }])
  assert.equal(problemOf(error, 'aspect_ratio'), 'Must be a number from 0.2 to 5.')
  assert.equal(problemOf(error, 'name'), null)
  assert.equal(problemOf(new Problem(409, 'conflict', '', 'There is one already'), 'id'), 'There is one already')
})

const item = (id: string, words: string, kind = ''): Item => ({ id, words, side: '', what: '', kind, icon: 'box', run: () => undefined })

test('the palette lists what was last chosen first, and commands alone after >', () => {
  const items = [item('c light', 'Light theme'), item('c dark', 'Dark theme'), item('e coat', 'Coat', 'wardrobe'), item('e sh1', 'sh1', 'shot')]
  const ids = (typed: string, recents: string[] = []) => listed(items, typed, recents).map((i) => i.id)
  assert.deepEqual(ids(''), ['c light', 'c dark', 'e coat'])
  assert.deepEqual(ids('', ['e sh1', 'c dark', 'e gone']), ['e sh1', 'c dark', 'c light', 'e coat'])
  assert.deepEqual(ids('>', ['e sh1', 'c dark']), ['c dark', 'c light'])
  assert.deepEqual(ids('> li'), ['c light'])
  assert.deepEqual(ids('sh'), ['e sh1'])
})

test('the inspector stays within its widths', () => {
  assert.deepEqual([100, 400.4, 9_000, Number.NaN].map(withinInspector), [360, 400, 560, 400])
})

test('inputs are the same when each is the very same', () => {
  const list = [1]
  assert.ok(sameInputs({ a: 1, list }, { a: 1, list }))
  assert.ok(!sameInputs({ list }, { list: [1] }))
  assert.ok(!sameInputs({ a: undefined }, { b: undefined }))
})

test('an old version carries what it was built on, and each version is asked for once', async () => {
  const asked: string[] = []
  const version = (id: string, number: number, references: Version['references']): Version => ({
    id: `${id}_v${number}`, asset_id: id, number, name: id, status: 'wip', cause: 'api', run_id: null, changes: {}, previous_version: null,
    timestamp: '', author: 'mara', message: null, fields: { colour: `#00000${number}` }, references,
  })
  const past = new Past(async (id, number) => {
    asked.push(`${id} ${number}`)
    if (id === 'gone') throw new Error('no such version')
    return version(id, number, id === 'coat' ? [{ id: 'r2', source: 'hero', version: 1, policy: 'latest', role: '', order: '', overrides: {} }] : [])
  })
  const now = { id: 'sh1', project_id: 'film', kind: 'shot' } as Entity
  const shot = version('sh1', 2, [
    { id: 'r1', source: 'coat', version: 3, policy: 'pinned', role: '', order: 'a', overrides: { pattern: 'plain' } },
    { id: 'r3', source: 'gone', version: 1, policy: 'latest', role: '', order: 'b', overrides: {} },
  ])
  const then = await past.resolved(now, shot, () => 'wardrobe')
  await past.resolved(now, shot, () => 'wardrobe')
  assert.deepEqual(then.references.map((r) => [r.source, r.policy, r.fields, r.references?.map((n) => n.source)]), [['coat', 'pinned', { colour: '#000003', pattern: 'plain' }, ['hero']]])
  assert.deepEqual(asked.filter((a) => a !== 'gone 1'), ['coat 3', 'hero 1'])
})
