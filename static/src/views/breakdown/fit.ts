/** How many chips fit a cell, and in which form: a name is shown whole or not at all, where it can be. */
import { isColour } from '../../sketch/colour.ts'
import type { ResolvedRef } from '../../types.ts'

export type Measure = (text: string) => number

/** Pixels around a name: the chip's padding, its colour, its pin; and between chips. The kind's icon stands in the head, once. */
const AROUND = 12
const COLOUR = 15
const PIN = 14
const BETWEEN = 4
const MORE = 26

const plainly = (name: string) => name.replace(/^(The|A|An) (?=\S)/, '')

/** More words than this are a sentence: its last one says nothing. */
const SENTENCE = 4

/** Where several share a cell: a person's first name, a thing's last word, how a sentence begins. */
export function briefly(name: string, kind: string): string {
  const words = name.split(/\s+/)
  if (words.length > SENTENCE) return `${plainly(name).split(/\s+/).slice(0, 2).join(' ')}…`
  return (kind === 'character' && words[0] !== 'The' ? words[0] : words.at(-1)) || name
}

const chrome = (r: ResolvedRef) => AROUND + (isColour(r.fields['colour']) ? COLOUR : 0) + (r.policy === 'pinned' ? PIN : 0)

/** The pixels that all of a cell's chips take, with short names where there are several. */
export function needed(references: readonly ResolvedRef[], measure: Measure): number {
  const short = references.length > 1
  return references.reduce((sum, r) => sum + chrome(r) + measure(short ? briefly(r.name, r.kind) : plainly(r.name)), Math.max(0, references.length - 1) * BETWEEN)
}

/** Too long to be shown whole: it is cut short. */
export const isTight = (references: readonly ResolvedRef[], names: readonly string[], room: number, measure: Measure): boolean =>
  names.length === 1 && references[0] !== undefined && measure(names[0] ?? '') + chrome(references[0]) + (references.length > 1 ? BETWEEN + MORE : 0) > room

/** The names to show, at most one for each reference: those that are left out are the last ones. */
export function fit(references: readonly ResolvedRef[], room: number, measure: Measure): readonly string[] {
  const width = (names: readonly string[]) => names.reduce((sum, name, i) => sum + measure(name) + chrome(references[i] as ResolvedRef), Math.max(0, names.length - 1) * BETWEEN)
  const whole = references.map((r) => plainly(r.name))
  const brief = references.map((r) => briefly(r.name, r.kind))
  if (width(whole) <= room) return whole
  if (references.length <= 1 || width(brief) <= room) return brief
  let count = brief.length - 1
  while (count > 1 && width(brief.slice(0, count)) + BETWEEN + MORE > room) count -= 1
  return brief.slice(0, count)
}

/** Text as wide as the grid draws it. */
export function textMeasure(): Measure {
  const known = new Map<string, number>()
  const pen = document.createElement('canvas').getContext('2d')
  if (pen !== null) pen.font = `12px ${getComputedStyle(document.body).fontFamily}`
  return (text) => {
    let width = known.get(text)
    if (width === undefined) {
      width = Math.ceil(pen?.measureText(text).width ?? text.length * 7) + 1
      known.set(text, width)
    }
    return width
  }
}
