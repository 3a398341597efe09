import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { signal } from '@preact/signals'
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import type { LiveState } from '../src/live/channel.ts'
import { Draft, Drafts, unsentAnywhere } from '../src/live/drafts.ts'
import { Following, whereabouts } from '../src/store/following.ts'
import { Waiting } from '../src/store/waiting.ts'
import type { Person } from '../src/types.ts'
import { type Place, type Route, toward } from '../src/ui/router.ts'
import { type SafetyProps, wordOf } from '../src/views/shell/safety.tsx'

const somebody = (user: string, view: string | null, entity: string | null, session = user): Person => ({ session, user, name: user === 'mara' ? 'Mara' : user, colour: '#123456', view, entity })

function following(...here: Person[]) {
  const people = signal<readonly Person[]>(here)
  const route = signal<Route>({ project: 'film', view: 'storyboard', entity: null })
  const gone: [Place, boolean][] = []
  const follower = new Following(people, {
    route,
    nameOf: (id) => `the ${id}`,
    go: (to, replace) => {
      gone.push([to, replace])
      route.value = toward(route.peek(), to)
    },
  })
  return { people, route, gone, follower, at: () => [route.peek().view, route.peek().entity] }
}

test('following goes there at once, then wherever they go; going back leads to where one was', () => {
  const { people, gone, follower, at } = following(somebody('mara', 'breakdown', 'coat'))
  assert.deepEqual(at(), ['storyboard', null])
  follower.toggle('mara')
  assert.deepEqual(at(), ['breakdown', 'coat'])
  people.value = [somebody('mara', 'storyboard', 'sh010')]
  people.value = [somebody('mara', 'storyboard', 'sh010')]
  assert.deepEqual(at(), ['storyboard', 'sh010'])
  assert.deepEqual(gone.map(([, replace]) => replace), [false, true])
  assert.equal(follower.said.value, 'Mara has the sh010 open in the storyboard.')
})

test('a second click and a step of one\'s own stop it, and it stays stopped', () => {
  for (const stop of ['click', 'step']) {
    const { people, route, follower, at } = following(somebody('mara', 'breakdown', 'coat'))
    follower.toggle('mara')
    if (stop === 'click') follower.toggle('mara')
    else route.value = { ...route.peek(), entity: 'hero' }
    assert.equal(follower.user.value, null)
    assert.equal(follower.said.value, 'No longer following Mara.')
    const before = at()
    people.value = [somebody('mara', 'storyboard', 'sh010')]
    assert.deepEqual(at(), before)
  }
})

test('another version of what is open is no step away', () => {
  const { route, follower } = following(somebody('mara', 'storyboard', 'coat'))
  follower.start('mara')
  route.value = { ...route.peek(), version: 2 }
  assert.equal(follower.user.value, 'mara')
})

test('of several windows the one counts in which something happened last', () => {
  const { people, follower, at } = following(somebody('mara', 'storyboard', 'coat', 'a'), somebody('mara', 'breakdown', null, 'b'))
  follower.start('mara')
  assert.deepEqual(at(), ['breakdown', null])
  people.value = [somebody('mara', 'storyboard', 'hat', 'a'), somebody('mara', 'breakdown', null, 'b')]
  assert.deepEqual(at(), ['storyboard', 'hat'])
  people.value = [somebody('mara', 'storyboard', 'hat', 'a'), somebody('mara', 'breakdown', null, 'b'), somebody('otto', null, 'sh010')]
  assert.deepEqual(at(), ['storyboard', 'hat'])
})

test('who goes away is waited for, and followed in a new window', () => {
  const { people, follower, at } = following(somebody('mara', 'storyboard', 'coat', 'a'))
  follower.start('mara')
  people.value = []
  assert.deepEqual([follower.user.value, follower.person.value, follower.said.value], ['mara', null, 'Mara is away.'])
  people.value = [somebody('mara', 'breakdown', 'hat', 'b')]
  assert.deepEqual([follower.person.value?.session, ...at()], ['b', 'breakdown', 'hat'])
})

test('where somebody is, in words', () => {
  const words = (view: string | null, entity: string | null) => whereabouts({ view, entity }, (id) => `the ${id}`)
  assert.deepEqual([words(null, null), words('breakdown', null), words('storyboard', 'coat'), words('something new', 'coat')], ['is here', 'is in the breakdown', 'has the coat open in the storyboard', 'has the coat open'])
})

test('what waited while the line was gone is counted until all of it is confirmed, and told once', () => {
  const [state, unsent, told] = [signal<LiveState>('live'), signal(0), [] as number[]]
  const waiting = new Waiting(state, unsent, (count) => told.push(count))
  for (const n of [1, 0]) unsent.value = n
  state.value = 'offline'
  assert.equal(waiting.behind.value, false)
  for (const n of [1, 2, 14]) unsent.value = n
  assert.equal(waiting.behind.value, true)
  state.value = 'live'
  assert.deepEqual([waiting.behind.value, told], [true, []])
  unsent.value = 0
  assert.deepEqual([waiting.behind.value, told], [false, [14]])
  state.value = 'offline'
  state.value = 'live'
  assert.deepEqual(told, [14])
})

test('the banner says what is not safe, the worst first, and nothing where all is well', () => {
  const said = (more: Partial<SafetyProps>) => {
    const word = wordOf({ live: 'live', refusal: '', unsent: 0, behind: false, stalled: false, rejected: [], demoted: false, ending: false, ...more })
    return word === null ? null : `${word.what} ${word.rest}`
  }
  assert.equal(said({}), null)
  assert.equal(said({ unsent: 3 }), null)
  assert.match(said({ live: 'offline', unsent: 14, stalled: true }) ?? '', /^Offline\. 14 changes wait here and will be sent/)
  assert.match(said({ live: 'offline', ending: true }) ?? '', /Fields and texts can be edited.* Everything else waits/)
  assert.match(said({ ending: true, unsent: 1, demoted: true }) ?? '', /^Your login ends .* Nothing that you typed is lost/)
  assert.match(said({ demoted: true }) ?? '', /^You may only look now\./)
  assert.match(said({ demoted: true, rejected: ['Coat'] }) ?? '', /did not take a change to Coat/)
  assert.equal(said({ unsent: 1, behind: true }), 'Back online. Sending 1 change…')
  assert.match(said({ unsent: 1, stalled: true }) ?? '', /^Not saved yet\..* 1 change waits here/)
  assert.match(said({ unsent: 1, rejected: ['Coat'] }) ?? '', /did not take a change to Coat/)
  assert.match(said({ live: 'refused', refusal: 'Log in again.', unsent: 2 }) ?? '', /refused: Log in again\..* 2 changes wait here/)
})

/** Drafts on a line that is never there. */
function offline(t: TestContext): HocuspocusProviderWebsocket {
  const sockets = new HocuspocusProviderWebsocket({ url: 'ws://127.0.0.1:9/', autoConnect: false, WebSocketPolyfill: EventTarget })
  t.after(() => sockets.destroy())
  return sockets
}

function draftOf(t: TestContext, sockets: HocuspocusProviderWebsocket): Draft {
  const draft = new Draft('hero', sockets, ME, () => undefined)
  t.after(() => draft.destroy())
  return draft
}

const ME = { name: 'mara', color: '#123456' }

test('a caret that has not stirred is there again after the line was gone', (t) => {
  const sockets = offline(t)
  const draft = draftOf(t, sockets)
  const others = new Awareness(new Y.Doc())
  t.after(() => others.destroy())
  others.setLocalStateField('cursor', 3)
  const hear = () => applyAwarenessUpdate(draft.awareness as Awareness, encodeAwarenessUpdate(others, [others.clientID]), 'line')
  const seen = () => draft.awareness?.getStates().get(others.clientID)?.['cursor']
  hear()
  assert.equal(seen(), 3)
  Reflect.get(sockets, 'emit').call(sockets, 'close', { event: { code: 1006, reason: '' } })
  assert.equal(seen(), undefined)
  hear()
  assert.equal(seen(), 3)
})

test('every edit of this page is counted until it is confirmed, those of others never', (t) => {
  const drafts = new Drafts(offline(t), ME, () => undefined)
  t.after(() => drafts.destroy())
  const [coat, hat] = [drafts.open('coat'), drafts.open('hat')]
  coat.set('colour', '#204060')
  coat.set('colour', '#204060')
  hat.set('state', 'wet')
  const theirs = new Y.Doc()
  theirs.getMap('fields').set('state', 'dry')
  Y.applyUpdate(hat.doc, Y.encodeStateAsUpdate(theirs), hat.provider)
  assert.deepEqual([coat.unsent.value, hat.unsent.value, drafts.unsent.value, unsentAnywhere()], [1, 1, 2, 2])
  drafts.destroy()
  assert.equal(unsentAnywhere(), 0)
})

test('undo outlives its editor: it takes back the words of this page, and no others', (t) => {
  const draft = draftOf(t, offline(t))
  draft.fields.set('description', new Y.Text('Tall.'))
  const text = draft.text('description') as Y.Text
  const [first, second] = [{}, {}]
  draft.undoOf(text).addTrackedOrigin(first)
  draft.doc.transact(() => text.insert(5, ' Wet.'), first)
  draft.doc.transact(() => text.insert(0, 'Very '), draft.provider)
  draft.undoOf(text).removeTrackedOrigin(first)
  draft.undoOf(text).addTrackedOrigin(second)
  draft.undoOf(text).undo()
  assert.equal(text.toString(), 'Very Tall.')
  draft.undoOf(text).undo()
  assert.equal(text.toString(), 'Very Tall.')
  draft.undoOf(text).redo()
  assert.equal(text.toString(), 'Very Tall. Wet.')
})
