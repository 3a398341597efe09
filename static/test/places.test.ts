import assert from 'node:assert/strict'
import test from 'node:test'
import { LOOSE } from '../src/store/groups.ts'
import { arranged, placeInWords, placeOf, stepped } from '../src/views/storyboard/places.ts'

const g = (id: string, ...shots: string[]) => ({ id, name: id.toUpperCase(), shots, seconds: 0 })
const groups = [g('q', 'a', 'b', 'c', 'd', 'e'), g('empty'), g('r', 'x', 'y'), g(LOOSE, 'z')]

/** Where a key takes a shot, as the row that it then stands in. */
function after(shot: string, ...keys: string[]): string {
  let now: readonly ReturnType<typeof g>[] = groups
  for (const key of keys) {
    const place = stepped(now, shot, key, 3)
    if (place !== null) now = arranged(now, shot, place) as typeof now
  }
  const home = now.find((one) => one.shots.includes(shot))
  return `${home?.id} ${home?.shots.join('')}`
}

test('a grabbed panel steps within its row and on into the next group, also an empty one', () => {
  assert.equal(after('b', 'ArrowRight'), 'q acbde')
  assert.equal(after('b', 'ArrowLeft'), 'q bacde')
  assert.equal(after('e', 'ArrowRight'), 'empty e')
  assert.equal(after('e', 'ArrowRight', 'ArrowRight'), 'r exy')
  assert.equal(after('x', 'ArrowLeft', 'ArrowLeft'), 'q abcdex')
  assert.equal(after('a', 'ArrowLeft'), 'q abcde', 'there is nothing before the first')
  assert.equal(after('y', 'ArrowRight'), 'r xy', 'what has no order takes nothing')
})

test('up and down go by rows of the width there is', () => {
  assert.equal(after('a', 'ArrowDown'), 'q bcdae')
  assert.equal(after('d', 'ArrowUp'), 'q dabce')
  assert.equal(after('c', 'ArrowDown'), 'q abdec', 'the last row is short')
  assert.equal(after('d', 'ArrowDown', 'ArrowDown'), 'r dxy')
  assert.equal(after('c', 'Home'), 'q cabde')
  assert.equal(after('a', 'End'), 'q bcdea')
})

test('what is in no group can be put into one', () => {
  assert.equal(after('z', 'ArrowLeft'), 'r xyz')
})

test('a move touches two groups and leaves the others the very same', () => {
  const made = arranged(groups, 'a', { group: 'r', before: 'y' })
  assert.deepEqual(made.map((one) => one.shots.join('')), ['bcde', '', 'xay', 'z'])
  assert.ok(made[1] === groups[1] && made[3] === groups[3])
  assert.deepEqual(placeOf(made, 'a'), { group: 'r', before: 'y' })
  assert.equal(placeInWords(made, 'a'), '2 of 3 in R')
})
