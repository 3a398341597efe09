/** A head: skull, hair in six cuts, and just enough of a face to say where it looks. */
import { darker, lighter, mix } from './colour.ts'
import type { Figure } from './scene.ts'
import { d, line, oval, path } from './svg.ts'

export interface HeadPose {
  /** Centre of the skull. */
  x: number
  y: number
  /** One unit of the figure, in the picture's units. */
  s: number
  /** Where it looks: -1 left, 1 right. */
  f: number
  back: boolean
  /** Features are drawn from a medium shot on; further away they would be dirt. */
  features: boolean
}

type Tone = (colour: string) => string

/** What hangs behind neck and shoulders, drawn before the body. */
export function hairBehind(who: Figure, p: HeadPose, tone: Tone): string {
  const hair = darker(tone(who.hair), 0.28)
  const at = (dx: number, dy: number): [number, number] => [p.x + dx * p.s * p.f, p.y - dy * p.s]
  if (who.hairStyle === 2) {
    return path(d('M', ...at(-6.6, 3), 'C', ...at(-11, -6), ...at(-9.6, -18), ...at(-8, -24), 'Q', ...at(-1, -27), ...at(4.6, -22),
      'C', ...at(6, -14), ...at(7, -6), ...at(6.4, 3), 'Z'), hair)
  }
  if (who.hairStyle === 1) {
    return path(d('M', ...at(-7, 3), 'C', ...at(-9.4, -4), ...at(-8.8, -9), ...at(-7, -11), 'L', ...at(5.4, -10), 'C', ...at(7, -6), ...at(7, 0), ...at(6.2, 4), 'Z'), hair)
  }
  if (who.hairStyle === 3) return oval(...at(-6.8, 3.6), 3.8 * p.s, 3.6 * p.s, hair)
  return ''
}

function crown(who: Figure, p: HeadPose, hair: string): string {
  const at = (dx: number, dy: number): [number, number] => [p.x + dx * p.s * p.f, p.y - dy * p.s]
  const gleam = line(d('M', ...at(-3.6, 6.6), 'Q', ...at(-0.6, 8.4), ...at(2.6, 7.2)), lighter(hair, 0.2), 0.7 * p.s, ' stroke-linecap="round" stroke-opacity="0.55"')
  switch (who.hairStyle) {
    case 1:
      return path(d('M', ...at(-7.2, -7), 'C', ...at(-9, 4), ...at(-6, 9.8), ...at(0.4, 9.4), 'C', ...at(6, 9.4), ...at(8, 4.6), ...at(6.8, -0.6),
        'C', ...at(6, 3.6), ...at(3.4, 5), ...at(-0.6, 4.8), 'C', ...at(-3.4, 4.4), ...at(-4.4, 0.6), ...at(-4.2, -6.6), 'Z'), hair) + gleam
    case 2:
      return path(d('M', ...at(-7.4, -12), 'C', ...at(-9, 2), ...at(-6.6, 9.8), ...at(0.6, 9.4), 'C', ...at(6.6, 9), ...at(7.6, 4), ...at(6.6, -1.6),
        'C', ...at(6, 2.6), ...at(4.6, 4.8), ...at(1.4, 6.2), 'C', ...at(-2.6, 4.6), ...at(-4.2, 1), ...at(-4.6, -11), 'Z'), hair) + gleam
    case 3:
      return path(d('M', ...at(-6.9, -1.4), 'C', ...at(-8, 6), ...at(-4.8, 9.4), ...at(0.4, 9.2), 'C', ...at(5.4, 9), ...at(7, 5), ...at(6.5, 2),
        'C', ...at(3.6, 5.4), ...at(-2.4, 5.4), ...at(-4.6, -1.4), 'Z'), hair) + gleam
    case 4: {
      let body = ''
      const spots = [[-6, 1.4], [-6.4, 4.6], [-4.2, 7.4], [-0.8, 8.6], [2.8, 8], [5.4, 5.8], [6.4, 3], [-2.4, 6], [2, 6]] as const
      for (const [dx, dy] of spots) body += oval(...at(dx, dy), 2.7 * p.s, 2.6 * p.s, hair)
      return body
    }
    case 5:
      return path(d('M', ...at(-6.8, 0.4), 'C', ...at(-7.6, 6), ...at(-5, 9), ...at(-1, 9.2), 'C', ...at(3.4, 10.8), ...at(7.6, 8.6), ...at(7, 3.2),
        'C', ...at(5.4, 5.8), ...at(1.6, 5.4), ...at(-1.8, 6.4), 'C', ...at(-4.2, 5), ...at(-4.9, 2.4), ...at(-5, 0), 'Z'), hair) + gleam
    default:
      return path(d('M', ...at(-6.6, -0.8), 'C', ...at(-7.6, 6.4), ...at(-4, 8.9), ...at(0.4, 8.7), 'C', ...at(5, 8.6), ...at(7, 5), ...at(6.4, 2.4),
        'C', ...at(5, 4.6), ...at(2.6, 5.2), ...at(-1, 5), 'C', ...at(-3.8, 5), ...at(-4.6, 2.4), ...at(-5, -1), 'Z'), hair)
  }
}

function face(p: HeadPose, skin: string, hair: string): string {
  const at = (dx: number, dy: number): [number, number] => [p.x + dx * p.s * p.f, p.y - dy * p.s]
  const ink = darker(skin, 0.68)
  const eye = darker(hair, 0.4)
  let body = ''
  for (const [dx, rx] of [[0.2, 0.62], [4, 0.55]] as const) {
    body += oval(...at(dx, -0.3), rx * p.s, 0.72 * p.s, eye)
    body += line(d('M', ...at(dx - 1.4, 1.5), 'Q', ...at(dx, 2.3), ...at(dx + 1.2, 1.6)), mix(hair, ink, 0.4), 0.55 * p.s, ' stroke-linecap="round"')
  }
  body += line(d('M', ...at(2.6, -0.2), 'Q', ...at(3.7, -2.6), ...at(2.5, -2.9)), ink, 0.38 * p.s, ' stroke-linecap="round" stroke-opacity="0.55"')
  body += line(d('M', ...at(0.8, -5), 'Q', ...at(2.2, -5.5), ...at(3.5, -4.9)), mix(ink, '#8c2f2f', 0.3), 0.5 * p.s, ' stroke-linecap="round" stroke-opacity="0.8"')
  return body
}

/** A curly head from behind: curls all round, lighter towards the crown. */
function curls(p: HeadPose, hair: string): string {
  let body = ''
  for (let row = 0; row < 4; row++) {
    for (let i = 0; i < 5; i++) {
      const [dx, dy] = [(i - 2) * (2.9 - row * 0.15) + (row % 2) * 0.8, 7.2 - row * 3.7 - Math.abs(i - 2) * 0.9]
      body += oval(p.x + dx * p.s * p.f, p.y - dy * p.s, 2.5 * p.s, 2.4 * p.s, darker(hair, 0.08 + row * 0.07 + (i % 2) * 0.05))
    }
  }
  return body
}

export function head(who: Figure, p: HeadPose, tone: Tone, outline: string): string {
  const skin = tone(who.skin)
  const hair = tone(who.hair)
  const at = (dx: number, dy: number): [number, number] => [p.x + dx * p.s * p.f, p.y - dy * p.s]
  if (p.back) {
    const low = who.hairStyle === 0 || who.hairStyle === 5 ? -4.6 : -7
    const fall = { 1: 10, 2: 24 }[who.hairStyle] ?? 0
    const long = fall === 0 ? '' : path(d('M', ...at(-6.8, 0), 'C', ...at(-8.6, -6), ...at(-8.2, -fall * 0.7), ...at(-7, -fall), 'Q', ...at(0, -fall - 2.4), ...at(7, -fall),
      'C', ...at(8.2, -fall * 0.7), ...at(8.6, -6), ...at(6.8, 0), 'Z'), darker(hair, 0.26))
    return oval(...at(-6.3, -1), 1.3 * p.s, 2 * p.s, darker(skin, 0.3)) + oval(...at(6.3, -1), 1.3 * p.s, 2 * p.s, darker(skin, 0.2)) +
      path(d('M', ...at(-6.6, 0), 'C', ...at(-7.6, 11.4), ...at(7.6, 11.4), ...at(6.6, 0), 'C', ...at(6.6, -4), ...at(4.6, low), ...at(0, low), 'C', ...at(-4.6, low), ...at(-6.6, -4), ...at(-6.6, 0), 'Z'), darker(hair, 0.2), outline) + long +
      (who.hairStyle === 3 ? oval(...at(0, 1), 3.8 * p.s, 3.6 * p.s, darker(hair, 0.34)) : who.hairStyle === 4 ? curls(p, hair) : '') + hat(who, p, tone)
  }
  const skull = d('M', ...at(-5.8, 2), 'C', ...at(-6, 9.4), ...at(6.2, 9.4), ...at(6.2, 1.6), 'C', ...at(6.2, -2.4), ...at(5.6, -5), ...at(3.4, -7.2),
    'C', ...at(2, -8.4), ...at(0.2, -8.2), ...at(-1.8, -6.8), 'C', ...at(-4.6, -4.8), ...at(-5.7, -1.6), ...at(-5.8, 2), 'Z')
  const shade = d('M', ...at(-5.8, 2), 'C', ...at(-5.7, -1.6), ...at(-4.6, -4.8), ...at(-1.8, -6.8), 'C', ...at(0.2, -8.2), ...at(1.2, -8), ...at(1.9, -7.9),
    'C', ...at(-1.4, -5.6), ...at(-2.4, -1.6), ...at(-2.2, 3), 'Z')
  return path(skull, skin, outline) + path(shade, darker(skin, 0.16)) + oval(...at(-5.4, -0.9), 1.25 * p.s, 1.9 * p.s, darker(skin, 0.12)) +
    (p.features ? face(p, skin, hair) : '') + crown(who, p, hair) + hat(who, p, tone)
}

function hat(who: Figure, p: HeadPose, tone: Tone): string {
  if (who.hat === null) return ''
  const felt = tone(who.hat.colour)
  const at = (dx: number, dy: number): [number, number] => [p.x + dx * p.s * p.f, p.y - dy * p.s]
  return path(d('M', ...at(-7.2, 3.4), 'C', ...at(-7, 13), ...at(6.6, 13), ...at(7, 3.8), 'Z'), felt) +
    path(d('M', ...at(-8.6, 2.8), 'Q', ...at(0, 6), ...at(11, 3), 'Q', ...at(4, 1.6), ...at(-8.6, 2.8), 'Z'), darker(felt, 0.3))
}
