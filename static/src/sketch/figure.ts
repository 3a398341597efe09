/** A standing figure: about a hundred units from sole to crown, dressed in what the shot says. */
import { darker, lighter } from './colour.ts'
import { hairBehind, head, type HeadPose } from './head.ts'
import type { Light } from './light.ts'
import { dice, hash } from './random.ts'
import type { Figure, Garment } from './scene.ts'
import { d, line, n, oval, path, rect } from './svg.ts'

export interface Stance {
  x: number
  /** Where the soles are; below the picture when the frame crops. */
  base: number
  /** One unit of the figure in the picture's units. */
  s: number
  face: 1 | -1
  back: boolean
  features: boolean
  /** A hand raised before the chest, to hold something. */
  holds: boolean
}

export interface Drawn {
  defs: string
  body: string
  hand: [number, number]
}

type Point = [number, number]
type At = (dx: number, dy: number) => Point

/** Two small tiles in the garment's own colours, scaled with the figure. */
function weave(garment: Garment, colour: string, s: number, id: string): string {
  if (garment.pattern === 'plain') return ''
  const t = 5 * s
  const thread = lighter(colour, 0.42)
  const marks = garment.pattern === 'stripes'
    ? rect(0, 0, t, t * 0.36, thread)
    : rect(0, 0, t, t * 0.4, thread, ' fill-opacity="0.6"') + rect(0, 0, t * 0.4, t, thread, ' fill-opacity="0.6"')
  return `<pattern id="${id}" width="${n(t)}" height="${n(t)}" patternUnits="userSpaceOnUse">${marks}</pattern>`
}

function torso(cut: Garment['cut'], at: At): string {
  const hem = { coat: 20, jacket: 43, shirt: 45, dress: 13 }[cut]
  const flare = { coat: 14.6, jacket: 11.8, shirt: 11.2, dress: 18 }[cut]
  const waist = { coat: 11.6, jacket: 10.8, shirt: 10.6, dress: 8.8 }[cut]
  return d('M', ...at(-4.4, 81), 'C', ...at(-8, 79.4), ...at(-12.6, 79), ...at(-13.4, 74), 'C', ...at(-13.6, 66), ...at(-waist, 60), ...at(-waist, 54),
    'C', ...at(-waist - 0.6, 44), ...at(-flare, hem + 10), ...at(-flare, hem), 'Q', ...at(0, hem - 2.2), ...at(flare, hem),
    'C', ...at(flare, hem + 10), ...at(waist + 0.6, 44), ...at(waist, 54), 'C', ...at(waist, 60), ...at(13.6, 66), ...at(13.4, 74),
    'C', ...at(12.6, 79), ...at(8, 79.4), ...at(4.4, 81), 'Q', ...at(0, 78.4), ...at(-4.4, 81), 'Z')
}

function shade(cut: Garment['cut'], at: At): string {
  const hem = { coat: 20, jacket: 43, shirt: 45, dress: 13 }[cut]
  const flare = { coat: 14.6, jacket: 11.8, shirt: 11.2, dress: 18 }[cut]
  return d('M', ...at(4.4, 81), 'C', ...at(8, 79.4), ...at(12.6, 79), ...at(13.4, 74), 'C', ...at(13.6, 66), ...at(10.6, 60), ...at(10.6, 54),
    'C', ...at(11, 44), ...at(flare, hem + 10), ...at(flare, hem), 'Q', ...at(flare * 0.7, hem - 1), ...at(flare * 0.4, hem - 1.4), 'C', ...at(3.2, 50), ...at(6.4, 64), ...at(3.4, 80), 'Z')
}

function legs(who: Figure, at: At, tone: Light['grade'], s: number): string {
  if (who.garment.cut === 'dress') {
    const skin = darker(tone(who.skin), 0.12)
    return path(d('M', ...at(-6, 16), 'L', ...at(-5.4, 3), 'L', ...at(-2, 3), 'L', ...at(-1.6, 16), 'Z M', ...at(6, 16), 'L', ...at(5.4, 3), 'L', ...at(2, 3), 'L', ...at(1.6, 16), 'Z'), skin) + boots(at, s)
  }
  const cloth = tone(who.legs)
  return path(d('M', ...at(-10.4, 48), 'L', ...at(-8.4, 4), 'L', ...at(-2.2, 4), 'L', ...at(0, 40), 'L', ...at(2.2, 4), 'L', ...at(8.4, 4), 'L', ...at(10.4, 48), 'Z'), cloth) +
    path(d('M', ...at(0, 40), 'L', ...at(2.2, 4), 'L', ...at(8.4, 4), 'L', ...at(10.4, 48), 'L', ...at(4, 48), 'Z'), darker(cloth, 0.28)) + boots(at, s)
}

function boots(at: At, s: number): string {
  return path(d('M', ...at(-9, 0), 'Q', ...at(-9, 5), ...at(-7.4, 5.4), 'L', ...at(-2, 5.4), 'L', ...at(-1.8, 0), 'Z M', ...at(9, 0), 'Q', ...at(9, 5), ...at(7.4, 5.4), 'L', ...at(2, 5.4), 'L', ...at(1.8, 0), 'Z'), '#23201f', ` stroke="#23201f" stroke-width="${n(0.5 * s)}"`)
}

function trim(garment: Garment, colour: string, at: At, s: number, skin: string): string {
  const seam = darker(colour, 0.46)
  switch (garment.cut) {
    case 'coat': {
      let clasps = ''
      for (let i = 0; i < 4; i++) clasps += oval(...at(1.8, 66 - i * 8.4), 0.8 * s, 0.8 * s, lighter(colour, 0.5))
      return path(d('M', ...at(-4.6, 81.4), 'L', ...at(-8, 76.6), 'L', ...at(-2.4, 68), 'L', ...at(0.2, 72), 'L', ...at(2.6, 68), 'L', ...at(8, 76.6), 'L', ...at(4.6, 81.4), 'Q', ...at(0, 78.6), ...at(-4.6, 81.4), 'Z'), darker(colour, 0.3)) +
        line(d('M', ...at(0.2, 72), 'L', ...at(0.4, 18.6), 'M', ...at(-9.6, 46), 'L', ...at(-4.6, 44.6), 'M', ...at(9.6, 46), 'L', ...at(5, 44.6)), seam, 0.7 * s) + clasps
    }
    case 'jacket':
      return path(d('M', ...at(-3.8, 81), 'L', ...at(0.3, 63), 'L', ...at(3.8, 81), 'Q', ...at(0, 78), ...at(-3.8, 81), 'Z'), '#d9d4c8') +
        path(d('M', ...at(-4.4, 81.6), 'L', ...at(-7.4, 73), 'L', ...at(0.3, 61), 'L', ...at(-2.6, 79.6), 'Z M', ...at(4.4, 81.6), 'L', ...at(7.4, 73), 'L', ...at(0.3, 61), 'L', ...at(2.6, 79.6), 'Z'), darker(colour, 0.3)) +
        line(d('M', ...at(0.3, 61), 'L', ...at(0.5, 42)), seam, 0.7 * s) + oval(...at(1.6, 57), 0.7 * s, 0.7 * s, lighter(colour, 0.4)) + oval(...at(1.6, 50), 0.7 * s, 0.7 * s, lighter(colour, 0.4))
    case 'dress':
      return path(d('M', ...at(-4, 81), 'Q', ...at(0, 71), ...at(4, 81), 'Q', ...at(0, 78), ...at(-4, 81), 'Z'), darker(skin, 0.1)) +
        line(d('M', ...at(-9.2, 55), 'Q', ...at(0, 52.6), ...at(9.2, 55)), seam, 1.3 * s) + line(d('M', ...at(-4, 50), 'L', ...at(-7.4, 15), 'M', ...at(3.4, 50), 'L', ...at(6.2, 14)), seam, 0.5 * s, ' stroke-opacity="0.7"')
    default:
      return line(d('M', ...at(-4.2, 80.8), 'Q', ...at(0, 76.4), ...at(4.2, 80.8)), seam, 1.2 * s) + line(d('M', ...at(-11, 47.2), 'Q', ...at(0, 45.2), ...at(11, 47.2)), seam, 0.7 * s)
  }
}

/** Up close a hand has fingers: three creases are enough to say so. */
function fingers([x, y]: Point, s: number, face: number, ink: string): string {
  let data = ''
  for (let i = 0; i < 3; i++) data += d('M', x - 2 * s * face, y + (i * 1.1 - 1.1) * s, 'q', 1.4 * s * face, -0.4 * s, 2.5 * s * face, 0.1 * s)
  return line(data, ink, 0.3 * s, ' stroke-linecap="round" stroke-opacity="0.7"')
}

interface Arm {
  data: string
  hand: Point
}

function arm(side: 1 | -1, pose: number, at: At): Arm {
  const shoulder = at(12.2 * side, 75)
  if (pose === 2) return { data: d('M', ...shoulder, 'L', ...at(15.2 * side, 57), 'L', ...at(4.6 * side, 60.5)), hand: at(3.2 * side, 61.4) }
  if (pose === 1) return { data: d('M', ...shoulder, 'L', ...at(16.6 * side, 58.5), 'L', ...at(11.6 * side, 46.5)), hand: at(10.8 * side, 45.4) }
  return { data: d('M', ...shoulder, 'Q', ...at(15.4 * side, 60), ...at(14 * side, 44)), hand: at(13.7 * side, 41.4) }
}

/** Draws one figure; the same one always looks the same, wherever it stands. */
export function figure(who: Figure, stance: Stance, light: Light, weight: number, id: string): Drawn {
  const { s, x, base, face } = stance
  const tone = light.grade
  const roll = dice(who.id, 'pose')
  const at: At = (dx, dy) => [x + dx * s * face * who.width, base - dy * s * who.height]
  const colour = tone(who.garment.colour)
  const skin = tone(who.skin)
  const ink = weight > 0 ? ` stroke="${darker(colour, 0.62)}" stroke-width="${n(weight * (0.28 + s * 0.2))}" stroke-linejoin="round"` : ''
  const skinInk = weight > 0 ? ` stroke="${darker(skin, 0.6)}" stroke-width="${n(weight * (0.22 + s * 0.16))}"` : ''
  const pose: HeadPose = { x: at(0.6, 0)[0], y: base - 90.6 * s * who.height - (who.child ? 1.5 * s : 0), s: s * (who.child ? 0.92 : 1), f: face, back: stance.back, features: stance.features }
  const woven = who.garment.pattern === 'plain' ? '' : `${id}p${hash(who.id) % 997}`
  const cloth = torso(who.garment.cut, at)
  const over = woven === '' ? '' : path(cloth, `url(#${woven})`)
  const near = arm(1, stance.holds ? 2 : Math.floor(roll() * 2), at)
  const far = arm(-1, Math.floor(roll() * 2), at)
  const sleeve = (a: Arm, tint: string) =>
    (weight > 0 ? line(a.data, darker(colour, 0.62), 6.6 * s * who.width + weight * (0.4 + s * 0.3), ' stroke-linecap="round" stroke-linejoin="round"') : '') +
    line(a.data, tint, 6.6 * s * who.width, ' stroke-linecap="round" stroke-linejoin="round"') +
    (woven === '' ? '' : line(a.data, `url(#${woven})`, 6.6 * s * who.width, ' stroke-linecap="round" stroke-linejoin="round"'))
  const hand = (a: Arm) => oval(...a.hand, 2.5 * s, 2.7 * s, darker(skin, 0.06)) + (s < 1.6 ? '' : fingers(a.hand, s, face, darker(skin, 0.3)))
  let body = base < 108 ? oval(x, base, 15 * s, 2.4 * s, '#05070c', ' fill-opacity="0.34"') : ''
  body += stance.back ? '' : hairBehind(who, pose, tone)
  body += legs(who, at, tone, s)
  body += hand(far) + sleeve(far, darker(colour, 0.2))
  body += path(d('M', ...at(-3.2, 86), 'L', ...at(-3.6, 78), 'Q', ...at(0, 75.6), ...at(3.6, 78), 'L', ...at(3.2, 86), 'Z'), darker(skin, 0.24))
  body += path(cloth, colour, ink) + over + path(shade(who.garment.cut, at), darker(colour, 0.52), ' fill-opacity="0.4"')
  body += stance.back
    ? line(d('M', ...at(0, 79), 'L', ...at(0, 30), 'M', ...at(-7.6, 78.4), 'Q', ...at(0, 75.4), ...at(7.6, 78.4)), darker(colour, 0.45), 0.7 * s)
    : trim(who.garment, colour, at, s, skin)
  body += head(who, pose, tone, skinInk)
  const front = hand(near) + sleeve(near, darker(colour, 0.06))
  body += stance.holds ? sleeve(near, darker(colour, 0.06)) + hand(near) : front
  return { defs: weave(who.garment, colour, s, woven), body: `<g><title>${title(who)}</title>${body}</g>`, hand: near.hand }
}

function title(who: Figure): string {
  return who.name.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}
