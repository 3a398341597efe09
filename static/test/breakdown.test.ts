import assert from 'node:assert/strict'
import test from 'node:test'
import { applyFilter, EVERYTHING, type Filter, readFilter, writeFilter } from '../src/store/filtering.ts'
import type { Group } from '../src/store/groups.ts'
import { between, Selection } from '../src/store/selection.ts'
import { settleTally, tally } from '../src/store/tally.ts'
import type { LastOutcome, Resolved } from '../src/types.ts'
import { queryOf, withQuery } from '../src/ui/query.ts'
import { type Column, layOut, readChoice } from '../src/views/breakdown/columns.ts'
import { fit, isTight } from '../src/views/breakdown/fit.ts'
import { keyOf, sectionsIn, slice, step, tableOf } from '../src/views/breakdown/rows.ts'
import { ref, shot } from './shot.ts'

const group = (id: string, ...shots: string[]): Group => ({ id, name: id.toUpperCase(), shots, seconds: 0 })
const groups = [group('q', 'a', 'b'), group('r', 'c'), group('s', 'd', 'e', 'f')]

// -- rows ------------------------------------------------------------------------------------------

test('only the rows near the viewport are drawn', () => {
  assert.deepEqual(slice(0, 280, 28, 50_000, 2), { from: 0, to: 12 })
  assert.deepEqual(slice(28_000, 280, 28, 50_000, 2), { from: 998, to: 1012 })
  assert.deepEqual(slice(0, 280, 28, 3), { from: 0, to: 3 })
  assert.deepEqual(slice(28_000, 280, 28, 50_000, 2, 4), { from: 996, to: 1012 })
})

test('a folded group keeps its header and loses its rows', () => {
  const all = tableOf(groups)
  assert.equal(all.rows.length, 9)
  assert.deepEqual(all.order, ['a', 'b', 'c', 'd', 'e', 'f'])
  const { rows, sections, order, at } = tableOf(groups, new Set(['q', 's']))
  assert.deepEqual(rows.map(keyOf), ['\u0000q', '\u0000r', 'c', '\u0000s'])
  assert.deepEqual(sections.map((s) => [s.group.id, s.open, s.start, s.count]), [['q', false, 0, 1], ['r', true, 1, 2], ['s', false, 3, 1]])
  assert.deepEqual(order, ['c'])
  assert.equal(at.get('c'), 2)
  assert.equal(at.get('a'), undefined)
})

test('every row of a slice is in exactly one of its sections', () => {
  const many = Array.from({ length: 40 }, (_, g) => group(`g${g}`, ...Array.from({ length: (g * 7) % 13 }, (_n, i) => `${g}-${i}`)))
  for (const folded of [new Set<string>(), new Set(['g0', 'g3', 'g39']), new Set(many.map((g) => g.id))]) {
    const { rows, sections } = tableOf(many, folded)
    for (let from = 0; from < rows.length; from += 3) {
      const part = { from, to: Math.min(rows.length, from + 11) }
      const near = sectionsIn(sections, part)
      for (let at = part.from; at < part.to; at += 1) assert.equal(near.filter((s) => s.start <= at && at < s.start + s.count).length, 1)
      assert.ok(near.every((s) => s.start < part.to && s.start + s.count > part.from))
    }
  }
})

test('arrows stay inside', () => {
  assert.deepEqual([step(5, 0, -1), step(5, 0, -1, -1), step(5, 4, 1), step(5, 1, 20), step(5, 3, -20)], [0, -1, 4, 4, 0])
})

// -- selection -------------------------------------------------------------------------------------

const order = ['a', 'b', 'c', 'd', 'e', 'f']
const ids = (s: Selection) => [...s.ids.value].toSorted()

test('a range goes either way, and an anchor that is gone makes it one', () => {
  assert.deepEqual(between(order, 'b', 'd'), ['b', 'c', 'd'])
  assert.deepEqual(between(order, 'd', 'b'), ['b', 'c', 'd'])
  assert.deepEqual(between(order, 'zz', 'b'), ['b'])
  assert.deepEqual(between(order, null, 'b'), ['b'])
  assert.deepEqual(between(order, 'b', 'zz'), [])
})

test('a range turns round its anchor; with more it adds', () => {
  const s = new Selection()
  s.only('c')
  s.extend(order, 'e')
  assert.deepEqual(ids(s), ['c', 'd', 'e'])
  s.extend(order, 'b')
  assert.deepEqual(ids(s), ['b', 'c'])
  s.toggle('f')
  s.extend(order, 'e', true)
  assert.deepEqual(ids(s), ['b', 'c', 'e', 'f'])
})

test('a range after the filter hid its anchor starts afresh', () => {
  const s = new Selection()
  s.only('a')
  s.extend(['c', 'd', 'e'], 'd')
  s.extend(['c', 'd', 'e'], 'e')
  assert.deepEqual(ids(s), ['d', 'e'])
})

test('all of a group, then none of it; what is gone is let go', () => {
  const s = new Selection()
  s.toggle('a')
  s.toggleAll(['b', 'c'])
  assert.deepEqual(ids(s), ['a', 'b', 'c'])
  s.toggleAll(['b', 'c'])
  assert.deepEqual(ids(s), ['a'])
  const before = s.ids.value
  s.keep(new Set(['a']))
  assert.equal(s.ids.value, before)
  s.keep(new Set())
  assert.deepEqual(ids(s), [])
})

// -- filter ----------------------------------------------------------------------------------------

const last = (outcome: string, at = '2026-05-01T00:00:00Z'): LastOutcome => ({ outcome, reason: '', source: 'x', source_version: 1, run_id: 'r', at })
const coat = ref('wardrobe', 'coat', {}, { name: 'Mara’s oilskin coat', references: [ref('character', 'mara', {}, { name: 'Mára Lind' })] })
const all: Resolved[] = [
  shot('a', [coat], { description: 'She waits.', duration: 4 }, { name: 'The Quay', updated_at: '2026-05-03T00:00:00Z' }),
  shot('b', [ref('prop', 'lamp', {}, { policy: 'pinned' })], { duration: 2 }, { status: 'final', updated_at: '2026-05-01T00:00:00Z', last_outcome: last('updated', '2026-05-04T00:00:00Z') }),
  shot('c', [coat, ref('prop', 'lamp')], {}, { stale: true, stale_reasons: ['behind'], updated_at: '2026-05-02T00:00:00Z' }),
  shot('d', [], { duration: 9 }, { status: 'review', last_outcome: last('awaiting_approval') }),
  shot('e', [], {}, { status: 'final' }),
  shot('f', [], {}),
]
const baseOf = (id: string) => all.find((s) => s.id === id)
const STATUSES = ['wip', 'review', 'approved', 'final']
const left = (filter: Partial<Filter>) => applyFilter(groups, { ...EVERYTHING, ...filter }, baseOf, STATUSES).map((g) => `${g.id}: ${g.shots.join(' ')}`)

test('nothing asked, nothing changed', () => assert.equal(applyFilter(groups, EVERYTHING, baseOf, STATUSES), groups))

test('words are looked for in ids, names, descriptions and the names of what it is made of', () => {
  assert.deepEqual(left({ words: 'quay' }), ['q: a'])
  assert.deepEqual(left({ words: 'WAITS  she' }), ['q: a'])
  assert.deepEqual(left({ words: 'mara oilskin' }), ['q: a', 'r: c'])
  assert.deepEqual(left({ words: 'mara quay' }), ['q: a'])
  assert.deepEqual(left({ words: 'zz' }), [])
})

test('made of, status and marks narrow together', () => {
  assert.deepEqual(left({ assets: ['mara'] }), ['q: a', 'r: c'])
  assert.deepEqual(left({ assets: ['mara', 'lamp'] }), ['r: c'])
  assert.deepEqual(left({ assets: ['a'] }), [])
  assert.deepEqual(left({ statuses: ['final', 'review'] }), ['q: b', 's: d e'])
  assert.deepEqual(left({ marks: ['attention'] }), ['r: c', 's: d'])
  assert.deepEqual(left({ marks: ['attention', 'pinned'] }), ['q: b', 'r: c', 's: d'])
  assert.deepEqual(left({ marks: ['pinned'], statuses: ['wip'] }), [])
})

test('rows are sorted within their groups, and back', () => {
  assert.deepEqual(left({ sort: 'id', down: true }), ['q: b a', 'r: c', 's: f e d'])
  assert.deepEqual(left({ sort: 'status' }), ['q: a b', 'r: c', 's: f d e'])
  assert.deepEqual(left({ sort: 'duration' }), ['q: b a', 'r: c', 's: e f d'])
  assert.deepEqual(left({ sort: 'changed' }), ['q: b a', 'r: c', 's: d e f'])
  assert.deepEqual(left({ sort: 'changed', down: true }), ['q: a b', 'r: c', 's: d e f'])
})

test('what is left counts for itself', () => {
  const [q] = applyFilter(groups, { ...EVERYTHING, words: 'quay' }, baseOf, STATUSES)
  assert.equal(q?.seconds, 4)
})

test('a filter and its words in the URL are the same thing', () => {
  const filters: Partial<Filter>[] = [
    {}, { words: 'a & b=c #1' }, { assets: ['Mara’s coat 🧥', 'x'], statuses: ['wip'], marks: ['attention', 'pinned'] }, { sort: 'changed' }, { sort: 'id', down: true },
  ]
  for (const filter of filters) assert.deepEqual(readFilter(writeFilter({ ...EVERYTHING, ...filter })), { ...EVERYTHING, ...filter })
  assert.equal(writeFilter(EVERYTHING), '')
  assert.deepEqual(readFilter('sort=nonsense&show=everything&show=pinned&asset=x&asset=x'), { ...EVERYTHING, marks: ['pinned'], assets: ['x'] })
  assert.deepEqual(readFilter('sort=-order'), EVERYTHING)
})

test('what is shown rides beside the place in a URL', () => {
  assert.equal(queryOf('?e=sh010&q=coat&v=3&status=wip'), 'q=coat&status=wip')
  assert.equal(withQuery('/p/x/breakdown', ''), '/p/x/breakdown')
  assert.equal(withQuery('/p/x/breakdown?e=a', 'q=b'), '/p/x/breakdown?e=a&q=b')
  assert.equal(withQuery('/p/x/breakdown', 'q=b'), '/p/x/breakdown?q=b')
})

// -- counts, columns, chips ------------------------------------------------------------------------

test('different assets are counted once each, in all and by group; equal counts stay the same objects', () => {
  const made = tally(groups, baseOf)
  assert.deepEqual([...made.all], [['wardrobe', 1], ['prop', 1]])
  assert.deepEqual([...(made.groups.get('q') ?? [])], [['wardrobe', 1], ['prop', 1]])
  assert.deepEqual([...(made.groups.get('s') ?? [])], [])
  assert.equal(settleTally(made, tally(groups, baseOf)), made)
  const fewer = settleTally(made, tally([group('q', 'a'), group('r', 'c')], baseOf))
  assert.equal(fewer.groups.get('r'), made.groups.get('r'))
  assert.notEqual(fewer.groups.get('q'), made.groups.get('q'))
})

const columns: Column[] = [
  { key: 'id', label: '', least: 60, want: 80 }, { key: 'framing', label: '', least: 60, want: 100 }, { key: 'words', label: '', least: 100, want: 150 }, { key: 'duration', label: '', least: 50, want: 70 },
  { key: 'kind prop', label: '', kind: { name: 'prop' } as Column['kind'] & object, least: 70, want: 140 }, { key: 'why', label: '', least: 100, want: 140 },
]
const keys = (room: number, widths = {}) => layOut(columns, room, widths).columns.map((c) => c.key)
const sum = (room: number, widths = {}) => layOut(columns, room, widths).columns.reduce((n, c) => n + c.width, 0)

test('columns fill the room; where it is short the less needed ones go first, unless somebody set them', () => {
  assert.equal(keys(1200).length, 6)
  for (const room of [700, 1200, 1900]) assert.ok(Math.abs(sum(room) - room) <= 6, `${sum(room)} in ${room}`)
  assert.deepEqual(keys(610), ['id', 'framing', 'words', 'kind prop', 'why'])
  assert.deepEqual(keys(400), ['id', 'kind prop', 'why'])
  assert.ok(keys(400, { words: 200 }).includes('words'))
  assert.equal(layOut(columns, 1200, { 'kind prop': 300 }).columns.find((c) => c.key === 'kind prop')?.width, 300)
  const tiny = layOut(columns, 100, {})
  assert.ok(tiny.columns.every((c) => c.width >= c.least) && tiny.width > 100)
})

test('kept column widths are read with care', () => {
  assert.deepEqual(readChoice('{"widths": {"id": 5000, "x": "wide", "y": null}, "hidden": ["why", 3]}'), { widths: { id: 720 }, hidden: ['why'] })
  for (const bad of [null, '', 'null', '[]', '{', '{"widths": 7}']) assert.deepEqual(readChoice(bad), { widths: {}, hidden: [] })
})

test('names show whole, else short, else there are fewer of them', () => {
  const measure = (text: string) => text.length * 7
  const cast = ['Edda Brandt', 'Tomas Rehn', 'Pia'].map((name) => ref('character', name, {}, { name }))
  assert.deepEqual(fit(cast, 400, measure), ['Edda Brandt', 'Tomas Rehn', 'Pia'])
  assert.deepEqual(fit(cast, 130, measure), ['Edda', 'Tomas', 'Pia'])
  assert.deepEqual(fit(cast, 90, measure), ['Edda'])
  const long = [ref('prop', 'p', {}, { name: 'The brass astrolabe' })]
  assert.deepEqual(fit(long, 200, measure), ['brass astrolabe'])
  assert.deepEqual(fit(long, 80, measure), ['astrolabe'])
  assert.equal(isTight(long, ['astrolabe'], 80, measure), false)
  assert.equal(isTight(long, ['astrolabe'], 60, measure), true)
  assert.deepEqual(fit([], 60, measure), [])
})

test('a name that is a sentence is told from another by how it begins', () => {
  const props = ['The letter that nobody should ever open', 'The letter nobody would dare to open'].map((name, i) => ref('prop', `p${i}`, {}, { name }))
  const measure = (text: string) => text.length * 6
  assert.deepEqual(fit(props, 300, measure), ['letter that…', 'letter nobody…'])
})
