import assert from 'node:assert/strict'
import test from 'node:test'
import { colourName, inkOn, isColour, mix } from '../src/sketch/colour.ts'
import { type Edit, editsBetween } from '../src/sketch/edits.ts'
import { describe, picture, sketch } from '../src/sketch/index.ts'
import { readScene } from '../src/sketch/scene.ts'
import type { Resolved } from '../src/types.ts'
import { ref, shot, worn } from './shot.ts'

const AT = { aspect: 2.39 }

function scene(coat: string, framing = 'medium', pattern = 'plain'): Resolved {
  return shot('sh010', [
    ref('character', 'mara', { hair: '#6b4a2f' }, { order: 'a1' }),
    ref('character', 'otto', { build: 'broad' }, { order: 'a2' }),
    ref('wardrobe', 'coat', { colour: coat, pattern }, { order: 'a3', references: [worn('mara')] }),
    ref('wardrobe', 'jacket', { colour: '#3d4a57' }, { order: 'a4', references: [worn('otto')] }),
    ref('location', 'quay', { setting: 'exterior', colour: '#4f6a72' }, { order: 'a5' }),
    ref('prop', 'lamp', { colour: '#b5803a', glyph: 'lamp' }, { order: 'a6' }),
    ref('style', 'salt', { tint: '#7fa3b8', grain: 0.3, line_weight: 0.6 }, { order: 'a7' }),
  ], { framing, time_of_day: 'dusk' })
}

const FRAMINGS = ['wide', 'medium', 'close', 'over the shoulder', 'insert']

test('the same state gives the same bytes, in every framing', () => {
  for (const framing of FRAMINGS) {
    assert.equal(sketch(scene('#27406b', framing), AT), sketch(structuredClone(scene('#27406b', framing)), AT))
  }
})

test('the order in which references arrive does not matter, their order key does', () => {
  const a = scene('#27406b')
  const b = { ...a, references: a.references.toReversed() }
  assert.equal(sketch(a, AT), sketch(b, AT))
})

test('a changed colour changes only what wears it', () => {
  const figure = (svg: string, name: string) => svg.split('<g><title>').find((part) => part.startsWith(`${name}<`)) ?? ''
  const [a, b] = [sketch(scene('#27406b'), AT), sketch(scene('#d8a31a'), AT)]
  assert.notEqual(figure(a, 'mara'), figure(b, 'mara'))
  const strip = (svg: string) => svg.replace(figure(svg, 'mara'), '')
  assert.equal(strip(a), strip(b))
})

test('a garment dresses the character it is worn by, and nobody else', () => {
  const [mara, otto] = readScene(scene('#d8a31a')).cast
  assert.equal(mara?.garment.colour, '#d8a31a')
  assert.equal(otto?.garment.colour, '#3d4a57')
})

test('a garment with a pattern brings its own weave', () => {
  assert.match(sketch(scene('#27406b', 'medium', 'stripes'), AT), /<pattern /)
  assert.doesNotMatch(sketch(scene('#27406b'), AT), /<pattern /)
})

test('whatever the fields hold, there is a picture, and it holds no style attributes or raw names', () => {
  const odd = shot('s <"&', [ref('character', '<script>', { hair: 'red', age: 'old' }), ref('prop', '"x"', { glyph: 'no such', colour: 7 }), ref('location', 'x', { colour: null })], { framing: 'sideways', time_of_day: 3 })
  const svg = sketch(odd, { aspect: 1.78 })
  assert.match(svg, /^<svg .*<\/svg>$/s)
  assert.doesNotMatch(svg, /<script|style=|NaN|undefined|Infinity/)
  for (const framing of FRAMINGS) assert.doesNotMatch(sketch(shot('empty', [], { framing }), AT), /NaN|undefined/)
})

test('every glyph that a prop can choose has a drawing of its own', () => {
  const glyphs = ['letter', 'lamp', 'boat', 'knife', 'cup', 'book', 'key', 'phone', 'bag', 'radio', 'bottle', 'clock', 'chair', 'telephone', 'glove', 'lever', 'train', 'paper', 'signal', 'other']
  const drawn = glyphs.map((glyph) => sketch(shot('sh010', [ref('prop', 'thing', { glyph, colour: '#b5803a' })], { framing: 'insert' }), AT))
  assert.equal(new Set(drawn).size, glyphs.length)
})

test('a hand holds what can be held, and a train drives behind those who stand before it', () => {
  const drawn = (framing: string, glyph: string) => sketch(shot('sh010', [ref('character', 'mara'), ref('prop', 'thing', { glyph })], { framing }), AT)
  const order = (svg: string) => [svg.indexOf('<title>mara'), svg.indexOf('<title>thing')]
  for (const framing of ['insert', 'medium']) {
    const [who, what] = order(drawn(framing, 'glove'))
    assert.ok(who !== undefined && what !== undefined && who >= 0 && who < what)
  }
  for (const framing of ['wide', 'medium', 'close', 'over the shoulder']) {
    const [who, what] = order(drawn(framing, 'train'))
    assert.ok(who !== undefined && what !== undefined && what >= 0 && what < who, framing)
  }
})

test('a picture says in words what it shows', () => {
  assert.equal(describe(scene('#27406b', 'close')), 'close shot of mara, otto at quay by dusk')
})

test('colours: names, ink and mixing', () => {
  assert.equal(isColour('#d8a31a'), true)
  assert.equal(isColour('red'), false)
  assert.equal(mix('#000000', '#ffffff', 0.5), '#808080')
  assert.equal(inkOn('#ffffff'), '#000000')
  assert.equal(inkOn('#102040'), '#ffffff')
  assert.equal(colourName('#27406b'), 'navy')
  assert.equal(colourName('#d8a31a'), 'yellow')
})

/** What a browser does with edits, on the text. */
function apply(svg: string, edits: readonly Edit[]): string {
  let element = -1
  return svg.split('<').map((tag) => {
    if (tag !== '' && !tag.startsWith('/')) element += 1
    return edits.filter((e) => e.element === element && !tag.startsWith('/')).reduce((t, e) => t.replace(new RegExp(` ${e.name}="[^"]*"`), ` ${e.name}="${e.value}"`), tag)
  }).join('<')
}

test('a changed colour is edits of attributes, which lead to the very drawing', () => {
  for (const framing of FRAMINGS) {
    for (const pattern of ['plain', 'stripes']) {
      const [a, b] = [sketch(scene('#27406b', framing, pattern), AT), sketch(scene('#d8a31a', framing, pattern), AT)]
      const edits = editsBetween(a, b)
      assert.ok(edits !== null && (edits.length > 0 || a === b))
      assert.equal(apply(a, edits), b)
    }
  }
  assert.deepEqual(editsBetween('<g fill="a"/>', '<g fill="a"/>'), [])
})

test('other shapes, words or attributes are no edits', () => {
  const plain = sketch(scene('#27406b'), AT)
  assert.equal(editsBetween(plain, sketch(scene('#27406b', 'medium', 'stripes'), AT)), null)
  assert.equal(editsBetween('<title>a</title>', '<title>b</title>'), null)
  assert.equal(editsBetween('<g fill="a"/>', '<g stroke="a"/>'), null)
  assert.equal(editsBetween('<g fill="a"/>', '<p fill="b"/>'), null)
})

test('what cannot be seen draws nothing anew', () => {
  const before = picture(scene('#27406b'), AT)
  const typed = scene('#27406b')
  typed.references[2] = { ...typed.references[2], fields: { ...typed.references[2]?.fields, description: 'Heavier, with salt on it.' } } as Resolved['references'][number]
  assert.equal(picture(typed, AT, before), before)
  assert.notEqual(picture(scene('#d8a31a'), AT, before), before)
})
