/** How many chips fit a cell, and in which form: a name is shown whole or not at all, where it can be. */
import { isColour } from '../../sketch/colour.ts'
import type { ResolvedRef } from '../../types.ts'

export type Measure = (text: string) => number

/** Pixels around a name: the chip's padding, its colour, its pin, its icon; and between chips. */
const AROUND = 12
const COLOUR = 15
const PIN = 14
const ICON = 17
const BETWEEN = 4
const MORE = 26

/** Where several share a cell: a person's first name, a thing's last word. */
export function briefly(name: string, kind: string): string {
  const words = name.split(/\s+/)
  return (kind === 'character' && words[0] !== 'The' ? words[0] : words.at(-1)) || name
}

const plainly = (name: string) => name.replace(/^(The|A|An) (?=\S)/, '')

export interface Fit {
  names: readonly string[]
  icons: boolean
}

const chrome = (r: ResolvedRef) => AROUND + (isColour(r.fields['colour']) ? COLOUR : 0) + (r.policy === 'pinned' ? PIN : 0)

/** The pixels that all of a cell's chips take, with short names where there are several. */
export function needed(references: readonly ResolvedRef[], measure: Measure): number {
  const short = references.length > 1
  return references.reduce((sum, r) => sum + chrome(r) + measure(short ? briefly(r.name, r.kind) : plainly(r.name)), Math.max(0, references.length - 1) * BETWEEN)
}

export function fit(references: readonly ResolvedRef[], room: number, measure: Measure): Fit {
  const width = (names: readonly string[], icons: boolean) =>
    names.reduce((sum, name, i) => sum + measure(name) + chrome(references[i] as ResolvedRef) + (icons ? ICON : 0), Math.max(0, names.length - 1) * BETWEEN)
  const whole = references.map((r) => plainly(r.name))
  const brief = references.map((r) => briefly(r.name, r.kind))
  for (const [names, icons] of [[whole, true], [whole, false], [brief, true], [brief, false]] as const) {
    if (width(names, icons) <= room) return { names, icons }
  }
  if (references.length <= 1) return { names: brief, icons: false }
  let count = brief.length - 1
  while (count > 1 && width(brief.slice(0, count), false) + BETWEEN + MORE > room) count -= 1
  return { names: brief.slice(0, count), icons: false }
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
