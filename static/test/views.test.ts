import assert from 'node:assert/strict'
import test from 'node:test'
import { href, parse } from '../src/ui/router.ts'
import { relative } from '../src/ui/time.tsx'
import { abridge } from '../src/views/inspector/history.tsx'
import { restorationWords } from '../src/views/inspector/forecast.ts'
import { isQuiet } from '../src/views/inspector/why.tsx'
import { rank } from '../src/ui/rank.ts'
import { previewTag, shortName, tagOf } from '../src/views/storyboard/why.ts'
import type { LastOutcome, Resolved, StoryReference } from '../src/types.ts'
import { ref, shot } from './shot.ts'

test('a URL and a place are the same thing, whatever the ids are', () => {
  for (const entity of [null, 'sh010', 'Mara’s coat 🧥', 'a&b=c']) {
    const at = { project: 'the film', view: 'breakdown' as const, entity }
    const url = new URL(href(at), 'http://x')
    assert.deepEqual(parse(url.pathname, url.search), at)
  }
  assert.deepEqual(parse('/', ''), { project: null, view: 'storyboard', entity: null })
  assert.equal(parse('/p/%E0%A4%A/x', '').project, null)
})

const NOW = Date.parse('2026-05-01T12:00:00Z')

test('times are relative', () => {
  assert.deepEqual(['2026-05-01T11:59:55Z', '2026-05-01T11:59:20Z', '2026-05-01T11:54:00Z', '2026-05-01T09:00:00Z', '2026-04-29T12:00:00Z'].map((t) => relative(t, NOW)), ['now', '40 s', '6 min', '3 h', '2 d'])
})

test('a tag says why in a few words, and its reason in a sentence', () => {
  const last = (outcome: string): LastOutcome => ({ outcome, reason: 'because', source: 'coat', source_version: 14, run_id: 'r', at: '2026-05-01T11:59:58Z' })
  const tag = (more: Partial<Resolved>) => {
    return tagOf(shot('a', more.references ?? [], {}, more), () => "Mara's oilskin coat", () => NOW)
  }
  assert.equal(tag({ last_outcome: last('updated') })?.text, 'coat v14 · now')
  assert.equal(tag({ last_outcome: last('awaiting_approval'), status: 'final' })?.text, 'final · asks first')
  assert.equal(tag({ references: [ref('wardrobe', 'coat', {}, { policy: 'pinned', version: 3 })], last_outcome: last('pinned') })?.text, 'pinned to coat v3')
  assert.equal(tag({ stale: true, stale_reasons: ['moved on'] })?.reason, 'moved on')
  assert.equal(previewTag(["Mara's oilskin coat"])?.text, 'preview · coat')
  assert.equal(tag({}), null)
  assert.equal(shortName('Mara Lind'), 'Mara Lind')
})

test('long unchanged stretches shrink, changes do not', () => {
  const long = 'word '.repeat(30)
  const [a, b, c] = abridge([{ op: 'equal', text: long }, { op: 'insert', text: long }, { op: 'equal', text: long }])
  assert.ok(a !== undefined && a.text.startsWith('…') && a.text.length < 30)
  assert.equal(b?.text, long)
  assert.ok(c?.text.endsWith('…'))
})

test('a reference that only follows is named in a line with the others', () => {
  const follows: StoryReference = { id: 'r', source: 'coat', name: 'Coat', kind: 'wardrobe', policy: 'latest', version: 1, latest_version: 1, why: '', since: null, behind: null, overrides: [] }
  assert.ok(isQuiet(follows))
  assert.ok(isQuiet({ ...follows, since: { at: '', by: '', how: 'added', run_id: null } }))
  assert.ok(!isQuiet({ ...follows, since: { at: '', by: '', how: 'run', run_id: 'r' } }))
  assert.ok(!isQuiet({ ...follows, policy: 'pinned' }))
  assert.ok(!isQuiet({ ...follows, behind: { version: 2, verdict: null, why: '' } }))
  assert.ok(!isQuiet({ ...follows, overrides: [{ field: 'a', value: 1, instead_of: 2 }] }))
})

test('find: every word has to be there, beginnings rank first', () => {
  assert.ok(rank('Storm lamp', 'lamp') < rank('Clamp', 'lamp'))
  assert.ok(rank('lamp', 'lamp') < rank('Storm lamp', 'lamp'))
  assert.equal(rank('Storm lamp', 'coat'), Number.POSITIVE_INFINITY)
})

test('restoring a project says what gets a version, what goes and what comes back', () => {
  const words = (versions: number, deleted: string[], restored: string[]) => restorationWords({ versions, deleted, restored }, (id) => id.toUpperCase())
  assert.equal(words(0, [], []), 'The project is as it was then.')
  assert.equal(words(1, ['lamp'], []), '1 entity gets a new version. Made since, and deleted: LAMP.')
  assert.equal(words(12, [], ['a', 'b', 'c', 'd', 'e']), '12 entities get a new version. Deleted since, and back: A, B, C and 2 more.')
})
