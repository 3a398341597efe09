import assert from 'node:assert/strict'
import test from 'node:test'
import { Problem } from '../src/api/problem.ts'
import { plan } from '../src/store/arrangement.ts'
import { Arranging, type ArrangingPorts, inherited } from '../src/store/arranging.ts'
import { group, LOOSE, pages } from '../src/store/groups.ts'
import { nextId } from '../src/store/numbering.ts'
import { between } from '../src/store/order.ts'
import { seatsBy } from '../src/store/seats.ts'
import { ShotStore } from '../src/store/shots.ts'
import type { Resolved } from '../src/types.ts'
import { grouping } from '../src/ui/preferences.ts'
import { ref, shot } from './shot.ts'

let frames: (() => void)[] = []
Object.assign(globalThis, { document: { hidden: false }, requestAnimationFrame: (then: () => void) => frames.push(then) })

/** Lets one frame pass. */
function frame(): void {
  const due = frames
  frames = []
  for (const then of due) then()
}

const member = (source: string, order: string, kind = 'shot') => ref(kind, source, {}, { order, id: `m-${source}-${order}` })
const home = (kind: string, id: string, members: ReturnType<typeof member>[], fields = {}): Resolved => shot(id, members, fields, { kind })
const mapOf = (...all: Resolved[]) => new Map(all.map((one) => [one.id, one]))

// -- indices --------------------------------------------------------------------------------------

/** Writes a placing one by one; at every step what was there keeps its order. */
function written(orders: readonly string[], at: number): string[] {
  const named = orders.map((order, i) => ({ name: String(i).padStart(3, '0'), order }))
  const sorted = () => named.toSorted((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : a.name < b.name ? -1 : 1)).map((n) => n.name)
  const before = sorted()
  const { order, others } = between(orders, at)
  for (const other of others) {
    const it = named[other.at]
    assert.ok(it !== undefined)
    it.order = other.order
    assert.deepEqual(sorted(), before, 'neighbours keep their order on the way')
  }
  named.push({ name: 'new', order })
  return sorted()
}

test('an index between two neighbours touches neither', () => {
  assert.deepEqual(between(['a0', 'a1', 'a2'], 1), { order: 'a0V', others: [] })
  assert.deepEqual(between([], 0), { order: 'a0', others: [] })
  assert.deepEqual(between(['a0'], 0), { order: 'Zz', others: [] })
  assert.deepEqual(between(['a0'], 1), { order: 'a1', others: [] })
})

test('between equal indices the fewer neighbours move over', () => {
  assert.deepEqual(between(['a0', 'a0', 'a0', 'a0'], 1).others.map((o) => o.at), [0])
  assert.deepEqual(between(['a0', 'a0', 'a0', 'a0'], 3).others.map((o) => o.at), [3])
})

test('wherever it goes, it stands there, and nobody else has changed places', () => {
  let seed = 7
  const dice = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n
  for (let round = 0; round < 400; round++) {
    const keys = ['a0', 'a0V', 'a1', 'a2', 'Zz', 'b00']
    const orders = Array.from({ length: dice(8) }, () => keys[dice(keys.length)] ?? 'a0').toSorted()
    const at = dice(orders.length + 1)
    const after = written(orders, at)
    assert.equal(after.indexOf('new'), at, `${JSON.stringify(orders)} at ${at}`)
  }
})

// -- numbers --------------------------------------------------------------------------------------

const next = (before: string | null, row: string[], others: string[] = []) => nextId(before, row, new Set([...row, ...others]))

test('numbers go on in their steps, and between two there is room', () => {
  assert.equal(next('sh020', ['sh010', 'sh020']), 'sh030')
  assert.equal(next('sh010', ['sh010', 'sh020']), 'sh015')
  assert.equal(next('sh010', ['sh010', 'sh015', 'sh020']), 'sh012')
  assert.equal(next('sh080', ['sh070', 'sh080'], ['sh090', 'sh100']), 'sh085', 'the next sequence has the next ten')
  assert.equal(next('shot-000023', ['shot-000022', 'shot-000023']), 'shot-000024')
})

test('letters where no number is left, and a first number where there is none', () => {
  assert.equal(next('sh010', ['sh010', 'sh011']), 'sh010A')
  assert.equal(next('sh010A', ['sh010', 'sh010A', 'sh011']), 'sh010B')
  assert.equal(next('sh010', ['sh010', 'sh010A', 'sh011']), 'sh010B')
  assert.equal(next(null, []), 'sh010')
  assert.equal(next('opening', ['opening']), 'opening-2')
  assert.equal(next('opening', ['opening', 'opening-2']), 'opening-3')
  assert.equal(next('لقطة 9', ['لقطة 9']), 'لقطة 10')
  assert.equal(next('9', ['8', '9']), '10')
})

test('a new number is never one that somebody has', () => {
  const taken = new Set(['sh010'])
  let last = 'sh010'
  for (let i = 0; i < 200; i++) {
    last = nextId(i % 3 === 0 ? 'sh010' : last, [...taken], taken)
    assert.ok(!taken.has(last), last)
    taken.add(last)
  }
})

// -- groups ---------------------------------------------------------------------------------------

const scenes = mapOf(
  home('scene', 'sc-b', [member('b', 'a0')], { number: '2', setting: 'exterior', time_of_day: 'night', length_eighths: 10 }),
  home('scene', 'sc-a', [], { number: '10' }),
  home('scene', 'sc-c', [member('a', 'a1'), member('c', 'a0')], { number: '1' }),
)
const sequences = mapOf(home('sequence', 'q1', [member('sc-c', 'a1', 'scene'), member('sc-b', 'a0', 'scene')]), home('sequence', 'q2', []))
const shots = ['a', 'b', 'c', 'd'].map((id) => shot(id))

test('by scene: in the order of the sequences, then by number, also where there are no shots', () => {
  const groups = group(shots, sequences, scenes, 'scene')
  assert.deepEqual(groups.map((g) => [g.id, g.shots]), [['sc-b', ['b']], ['sc-c', ['c', 'a']], ['sc-a', []], [LOOSE, ['d']]])
  assert.deepEqual([groups[0]?.number, groups[0]?.note], ['2', 'EXT · night · 1 2/8 pages'])
})

test('by sequence: an empty one shows too', () => {
  assert.deepEqual(group(shots, sequences, scenes).map((g) => [g.id, g.shots]), [['q1', ['b', 'c', 'a']], ['q2', []], [LOOSE, ['d']]])
})

test('a heading in the manner of scripts says its setting once', () => {
  const said = home('scene', 's', [], { setting: 'interior', time_of_day: 'day', number: '4A' })
  const [made] = group([], new Map(), mapOf({ ...said, name: 'INT. KITCHEN - DAY' }), 'scene')
  assert.deepEqual([made?.number, made?.note], ['4A', undefined])
  const [later] = group([], new Map(), mapOf({ ...said, name: 'INT. KITCHEN - LATER' }), 'scene')
  assert.equal(later?.note, 'day')
  assert.deepEqual([8, 4, 17].map(pages), ['1 page', '4/8 page', '2 1/8 pages'])
})

// -- moves ----------------------------------------------------------------------------------------

const all = () => true

test('a move writes one reference; the shot stands where it was put', () => {
  const flat = mapOf(home('sequence', 'q', [member('a', 'a0'), member('b', 'a1'), member('c', 'a2')]))
  const made = plan(seatsBy('sequence', flat, new Map()), 'c', { group: 'q', before: 'b' }, all)
  assert.deepEqual([made.container, made.order, made.others, [...made.seats.keys()]], ['q', 'a0V', [], ['c']])
})

test('between two shots of a scene it belongs to that scene', () => {
  const seats = seatsBy('sequence', sequences, scenes)
  const made = plan(seats, 'b', { group: 'q1', before: 'a' }, all)
  assert.deepEqual([made.container, made.order], ['sc-c', 'a0V'])
  assert.equal(plan(seats, 'a', { group: 'q1', before: 'c' }, all).container, 'sc-c', 'at the edge it stays in its own')
  assert.equal(plan(seats, 'd', { group: 'q2', before: null }, all).container, 'q2')
})

test('every place of a mixed sequence can be reached', () => {
  const mixed = mapOf(home('sequence', 'q', [member('x', 'a0'), member('sc-b', 'a0', 'scene'), member('y', 'a0'), member('sc-c', 'a2', 'scene'), member('z', 'a3')]))
  const everything = ['a', 'b', 'c', 'x', 'y', 'z', 'new'].map((id) => shot(id))
  const seats = seatsBy('sequence', mixed, scenes)
  const row = group(everything, mixed, scenes, 'sequence', seats)[0]?.shots.filter((id) => id !== 'new') ?? []
  assert.equal(row.length, 6)
  for (const moved of [...row, 'new']) {
    for (const before of [...row.filter((id) => id !== moved), null]) {
      const made = plan(seats, moved, { group: 'q', before }, (id) => id !== 'sc-b' && id !== 'sc-c')
      const shown = new Map(seats)
      for (const [id, seat] of made.seats) if (seat !== null) shown.set(id, seat)
      const after = group(everything, mixed, scenes, 'sequence', shown).find((g) => g.id === 'q')?.shots ?? []
      const rest = row.filter((id) => id !== moved)
      const wanted = before === null ? [...rest, moved] : rest.toSpliced(rest.indexOf(before), 0, moved)
      assert.deepEqual(after, wanted, `${moved} before ${before}`)
    }
  }
})

// -- what is sent ---------------------------------------------------------------------------------

interface World {
  store: ShotStore
  arranging: Arranging
  sent: string[]
  members: Map<string, ReturnType<typeof member>[]>
}

/** A server of a few lines: two sequences, and what may go wrong. */
function world(refuse: (call: string) => Problem | null = () => null): World {
  grouping.value = 'sequence'
  const store = new ShotStore()
  const members = new Map([['q1', [member('sh010', 'a0'), member('sh020', 'a1')]], ['q2', [member('sh030', 'a0')]]])
  const entity = (id: string) => home('sequence', id, [...(members.get(id) ?? [])])
  const sent: string[] = []
  const say = async (call: string) => {
    await Promise.resolve()
    const problem = refuse(call)
    sent.push(problem === null ? call : `${call} refused`)
    if (problem !== null) throw problem
  }
  const made = new Set<string>()
  const ports: ArrangingPorts = {
    create: async (one) => {
      await say(`create ${one.id}`)
      made.add(one.id)
    },
    discard: async (id) => say(`discard ${id}`),
    join: async (id, container, order) => {
      await say(`join ${id} ${container}`)
      const reference = { ...member(id, order), id: `made-${id}-${container}` }
      members.get(container)?.push(reference)
      return { ...reference, target: container }
    },
    reorder: async (reference, order) => {
      await say(`reorder ${reference} ${order}`)
      for (const m of [...members.values()].flat()) if (m.id === reference) m.order = order
    },
    leave: async (reference) => {
      await say(`leave ${reference}`)
      for (const [id, list] of members) members.set(id, list.filter((m) => m.id !== reference))
    },
    refresh: async (ids) => store.put(ids.map((id) => (members.has(id) ? entity(id) : shot(id)))),
  }
  store.put([entity('q1'), entity('q2'), ...['sh010', 'sh020', 'sh030'].map((id) => shot(id))])
  return { store, arranging: new Arranging(store, ports), sent, members }
}

const shown = ({ store }: World) => store.groups.value.map((g) => g.shots.join(' '))
const gone = new Problem(404, 'not_found', 'Not found', 'There is no such reference')

test('a move shows at once and is confirmed', async () => {
  const w = world()
  const done = w.arranging.move('sh020', { group: 'q1', before: 'sh010' })
  assert.deepEqual(shown(w), ['sh020 sh010', 'sh030'])
  await done
  assert.deepEqual(w.sent, ['reorder m-sh020-a1 Zz'])
  assert.deepEqual(shown(w), ['sh020 sh010', 'sh030'])
})

test('into another group: the new membership is made before the old one goes', async () => {
  const w = world()
  await w.arranging.move('sh020', { group: 'q2', before: 'sh030' })
  assert.deepEqual(w.sent, ['join sh020 q2', 'leave m-sh020-a1'])
  assert.deepEqual(shown(w), ['sh010', 'sh020 sh030'])
})

test('a refused move goes back to where it was', async () => {
  const w = world((call) => (call.startsWith('join') ? new Problem(403, 'forbidden', 'No', 'No.') : null))
  await assert.rejects(w.arranging.move('sh020', { group: 'q2', before: null }), /No\./)
  assert.deepEqual(shown(w), ['sh010 sh020', 'sh030'])
})

test('whoever comes second takes the new membership back, so that the shot belongs to one', async () => {
  const w = world((call) => (call === 'leave m-sh020-a1' ? gone : null))
  await assert.rejects(w.arranging.move('sh020', { group: 'q2', before: null }), /Somebody else has just moved sh020/)
  assert.deepEqual(w.sent, ['join sh020 q2', 'leave m-sh020-a1 refused', 'leave made-sh020-q2'])
  assert.deepEqual(w.members.get('q2')?.map((m) => m.source), ['sh030'])
})

test('moves in quick succession are sent one after the other and end where the last one says', async () => {
  const w = world()
  const first = w.arranging.move('sh010', { group: 'q2', before: null })
  const second = w.arranging.move('sh010', { group: 'q2', before: 'sh030' })
  const third = w.arranging.move('sh010', { group: 'q1', before: null })
  assert.deepEqual(shown(w), ['sh020 sh010', 'sh030'])
  await Promise.all([first, second, third])
  assert.deepEqual(shown(w), ['sh020 sh010', 'sh030'])
  assert.deepEqual([...w.members.values()].flat().map((m) => m.source).toSorted(), ['sh010', 'sh020', 'sh030'])
})

test('a new shot joins the group behind its neighbour', async () => {
  const w = world()
  assert.equal(await w.arranging.add('q1', 'sh010'), 'sh015')
  assert.deepEqual(w.sent, ['create sh015', 'join sh015 q1'])
  assert.deepEqual(shown(w), ['sh010 sh015 sh020', 'sh030'])
  assert.equal(await w.arranging.add('q2', null), 'sh040')
})

test('somebody took the number: the next one', async () => {
  const w = world((call) => (call === 'create sh040' ? new Problem(409, 'conflict', 'Taken', 'There is one.') : null))
  assert.equal(await w.arranging.add('q2', null), 'sh035')
})

test('a new shot that cannot be placed is none', async () => {
  const w = world((call) => (call.startsWith('join') ? new Problem(500, 'internal', 'Broken', 'Broken.') : null))
  await assert.rejects(w.arranging.add('q1', null), /Broken/)
  assert.deepEqual(w.sent, ['create sh025', 'join sh025 q1 refused', 'discard sh025'])
  assert.deepEqual(shown(w), ['sh010 sh020', 'sh030'])
})

test('in a scene a new shot has its people and its place, and the look of its neighbour', () => {
  const scene = shot('sc', [ref('character', 'mara'), ref('location', 'quay'), ref('prop', 'lamp')], { time_of_day: 'night' })
  const beside = shot('sh010', [ref('style', 'noir'), ref('location', 'attic'), ref('character', 'otto')], { time_of_day: 'day' })
  const sources = (made: ReturnType<typeof inherited>) => made.references.map((r) => r.source)
  assert.deepEqual(sources(inherited(scene, beside, beside)), ['mara', 'quay', 'noir'])
  assert.deepEqual(inherited(scene, beside, beside).fields, { time_of_day: 'night' })
  assert.deepEqual(sources(inherited(undefined, beside, beside)), ['attic', 'noir'])
  assert.deepEqual(sources(inherited(undefined, undefined, beside)), ['noir'])
})

// -- before and after -----------------------------------------------------------------------------

test('a change that was seen has a before, one that was missed has none', () => {
  const store = new ShotStore()
  const at = (visual: string, name = 'a') => shot('a', [], {}, { visual_hash: visual, hash: visual + name, name })
  const before = () => store.panel('a')?.value.before?.visual_hash
  store.put([at('1')])
  assert.equal(before(), undefined)
  store.put([at('2')])
  frame()
  assert.equal(before(), '1')
  store.put([at('2', 'renamed')])
  frame()
  assert.equal(before(), '1', 'a change that nobody sees keeps it')
  store.put([at('3')])
  frame()
  assert.equal(before(), '2')
  store.forgetBefore()
  frame()
  assert.equal(before(), undefined)
  store.put([at('4')])
  store.put([at('5')], false)
  frame()
  assert.equal(before(), undefined)
})
