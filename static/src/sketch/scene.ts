/** Reading a resolved shot as a picture: who is in it, wearing what, where, in which light. */
import type { Fields, Resolved, ResolvedRef } from '../types.ts'
import { isColour } from './colour.ts'
import { dice, hash, pick } from './random.ts'

export type Framing = 'wide' | 'medium' | 'close' | 'over the shoulder' | 'insert'
export type Hour = 'dawn' | 'day' | 'dusk' | 'night'

export interface Garment {
  id: string
  colour: string
  pattern: 'plain' | 'stripes' | 'checks'
  cut: 'coat' | 'jacket' | 'dress' | 'shirt'
}

export interface Figure {
  id: string
  name: string
  width: number
  height: number
  child: boolean
  hair: string
  hairStyle: number
  skin: string
  garment: Garment
  hat: Garment | null
  legs: string
}

export interface Thing {
  id: string
  name: string
  glyph: string
  colour: string
}

export interface Place {
  id: string
  words: string
  interior: boolean
  colour: string
}

export interface Look {
  tint: string | null
  grain: number
  weight: number
}

/** Where feet stand in a wide shot, where something may float, and where rails lie, from the top of the picture. */
export interface Ground {
  ground: number
  water: number | null
  rail: number | null
}

/** Something drawn: what it defines, and what is seen. */
export interface Drawing {
  defs: string
  body: string
}

export interface Scene {
  id: string
  framing: Framing
  hour: Hour
  place: Place
  cast: Figure[]
  things: Thing[]
  look: Look
}

const text = (fields: Fields, name: string): string => {
  const value = fields[name]
  return typeof value === 'string' ? value : ''
}

const number = (fields: Fields, name: string): number | null => {
  const value = fields[name]
  const read = typeof value === 'number' ? value : typeof value === 'string' && value.trim() ? Number(value) : Number.NaN
  return Number.isFinite(read) ? read : null
}

const colour = (fields: Fields, name: string): string | null => {
  const value = fields[name]
  return isColour(value) ? value.toLowerCase() : null
}

const SKINS = ['#f2d3ba', '#e6b995', '#c98f68', '#a06a45', '#7a4c30', '#593622'] as const
const HAIRS = ['#2a211d', '#4a3222', '#7a5230', '#b98b4d', '#8f8c8a', '#15161a', '#6b2f1d'] as const
const CLOTHS = ['#5b6470', '#6b5a4a', '#4f6457', '#64536b', '#4a5a75', '#75604f'] as const

const CUTS: readonly [RegExp, Garment['cut']][] = [
  [/\b(dress|gown|skirt|robe|habit|kaftan|sari)\b/i, 'dress'],
  [/\b(coat|oilskin|overcoat|cloak|cape|mac|parka|trench)\b/i, 'coat'],
  [/\b(jacket|suit|uniform|blazer|waistcoat|tunic|vest|anorak)\b/i, 'jacket'],
  [/\b(shirt|jumper|sweater|gansey|blouse|cardigan|hoodie|overall|apron|pullover|t-shirt)/i, 'shirt'],
]
const HAT = /\b(hat|cap|hood|beret|helmet|sou'?wester|bonnet|scarf)\b/i

function garment(ref: ResolvedRef): Garment {
  const words = `${ref.name} ${text(ref.fields, 'description')}`
  const named = CUTS.find(([test]) => test.test(ref.name)) ?? CUTS.find(([test]) => test.test(words))
  const pattern = text(ref.fields, 'pattern')
  return {
    id: ref.source,
    colour: colour(ref.fields, 'colour') ?? pick(CLOTHS, dice(ref.source, 'cloth')()),
    pattern: pattern === 'stripes' || pattern === 'checks' ? pattern : 'plain',
    cut: named?.[1] ?? pick(['coat', 'jacket', 'shirt'], dice(ref.source, 'cut')()),
  }
}

function figure(ref: ResolvedRef, worn: ResolvedRef[]): Figure {
  const roll = dice(ref.source, 'figure')
  const [w, h, style, skin, hair, legs] = [roll(), roll(), roll(), roll(), roll(), roll()]
  const age = number(ref.fields, 'age')
  const widths: { [build: string]: number } = { slight: 0.88, average: 1, broad: 1.17 }
  const heights: { [height: string]: number } = { short: 0.92, average: 1, tall: 1.08 }
  const child = age !== null && age < 13
  const hat = worn.find((r) => HAT.test(r.name))
  const clothes = worn.filter((r) => !HAT.test(r.name))
  const [main, second] = [clothes[0] ?? worn[0], clothes[1]]
  const plain: Garment = { id: ref.source, colour: pick(CLOTHS, hash(`${ref.source} cloth`) / 2 ** 32), pattern: 'plain', cut: 'shirt' }
  return {
    id: ref.source,
    name: ref.name,
    width: (widths[text(ref.fields, 'build')] ?? 0.92 + w * 0.18) * (child ? 0.94 : 1),
    height: (heights[text(ref.fields, 'height')] ?? 0.95 + h * 0.1) * (child ? 0.74 : 1),
    child,
    hair: colour(ref.fields, 'hair') ?? (age !== null && age > 62 ? '#b9b6b0' : pick(HAIRS, hair)),
    hairStyle: Math.floor(style * 6),
    skin: colour(ref.fields, 'skin') ?? pick(SKINS, skin),
    garment: main === undefined ? plain : garment(main),
    hat: hat !== undefined && hat !== main ? garment(hat) : null,
    legs: second === undefined ? pick(['#2f333b', '#3a3029', '#2c3a3a', '#3b3442'], legs) : garment(second).colour,
  }
}

/** The garments of the shot that were made for this character (their own reference says `worn_by`). */
function wornBy(character: ResolvedRef, garments: ResolvedRef[]): ResolvedRef[] {
  return garments.filter((g) =>
    (g.references ?? []).some((r) => r.role === 'worn_by' && r.source === character.source))
}

function place(ref: ResolvedRef | undefined, shot: Resolved): Place {
  if (ref === undefined) {
    return { id: `nowhere ${shot.id}`, words: '', interior: false, colour: '#7d8890' }
  }
  const words = `${ref.name} ${text(ref.fields, 'description')}`.toLowerCase()
  const setting = text(ref.fields, 'setting')
  const indoors = /\b(room|kitchen|cabin|office|bar|caf[eé]|hall|corridor|bedroom|interior|int\.?)\b/
  return {
    id: ref.source,
    words,
    interior: setting === 'interior' || (setting !== 'exterior' && indoors.test(words)),
    colour: colour(ref.fields, 'colour') ?? pick(['#6c7a80', '#8a7a5f', '#5f7264', '#7a6a72'], dice(ref.source, 'place')()),
  }
}

function glyph(ref: ResolvedRef): Thing {
  return {
    id: ref.source,
    name: ref.name,
    glyph: text(ref.fields, 'glyph') || 'other',
    colour: colour(ref.fields, 'colour') ?? pick(['#b08a5c', '#8a5a4a', '#6f8a8f', '#9a8f6a'], dice(ref.source, 'thing')()),
  }
}

const FRAMINGS = new Set(['wide', 'medium', 'close', 'over the shoulder', 'insert'])
const HOURS = new Set(['dawn', 'day', 'dusk', 'night'])

/** Everything the picture is drawn from; nothing else of the shot has a say in it. */
export function readScene(shot: Resolved): Scene {
  const refs = shot.references.toSorted((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : a.id < b.id ? -1 : 1))
  const of = (kind: string) => refs.filter((r) => r.kind === kind)
  const garments = of('wardrobe')
  const characters = of('character')
  const claimed = new Set(characters.flatMap((c) => wornBy(c, garments).map((g) => g.id)))
  const spare = garments.filter((g) => !claimed.has(g.id))
  const cast = characters.map((c) => {
    const own = wornBy(c, garments)
    return figure(c, own.length > 0 ? own : characters.length === 1 ? spare : [])
  })
  const style = of('style')[0]
  const framing = text(shot.fields, 'framing')
  const hour = text(shot.fields, 'time_of_day')
  return {
    id: shot.id,
    framing: (FRAMINGS.has(framing) ? framing : 'medium') as Framing,
    hour: (HOURS.has(hour) ? hour : 'day') as Hour,
    place: place(of('location')[0], shot),
    cast,
    things: of('prop').map(glyph),
    look: {
      tint: style === undefined ? null : colour(style.fields, 'tint'),
      grain: Math.max(0, Math.min(1, (style === undefined ? null : number(style.fields, 'grain')) ?? 0)),
      weight: Math.max(0, Math.min(3, (style === undefined ? null : number(style.fields, 'line_weight')) ?? 0.6)),
    },
  }
}
