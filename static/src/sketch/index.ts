/** The picture of a shot that has none yet: the same resolved state gives the same bytes. */
import type { Resolved } from '../types.ts'
import { darker } from './colour.ts'
import { exterior, groundOf } from './exterior.ts'
import { figure } from './figure.ts'
import { canBeHeld, glyph } from './glyph.ts'
import { GROUND, interior } from './interior.ts'
import { type Light, lightOf } from './light.ts'
import { dice, hash } from './random.ts'
import { type Drawing, type Ground, readScene, type Scene, type Thing } from './scene.ts'
import { d, escape, glow, line, n, path, rect } from './svg.ts'

export interface Frame {
  /** Width over height; the height is always a hundred units. */
  aspect: number
  /** Keeps the ids of gradients apart when the same shot is drawn twice on one page. */
  place?: string
}

/** How far the camera has moved in: the backdrop grows and loses contrast behind the cast. */
function backdropOf(scene: Scene, light: Light, width: number, id: string): Drawing {
  const made = scene.place.interior ? interior(scene, light, width, id) : exterior(scene, light, width, id)
  const zoom = { wide: 1, medium: 1.22, close: 1.9, 'over the shoulder': 1.4, insert: 2.3 }[scene.framing]
  if (zoom === 1) return made
  const roll = dice(scene.id, scene.place.id, 'camera')
  const x = (0.3 + roll() * 0.4) * width
  const veil = { wide: 0, medium: 0.08, close: 0.26, 'over the shoulder': 0.16, insert: 0.36 }[scene.framing]
  const moved = `<g transform="translate(${n(x - x * zoom)} ${n(56 - 56 * zoom)}) scale(${n(zoom)})">${made.body}</g>`
  return { defs: made.defs, body: moved + rect(0, 0, width, 100, darker(light.haze, light.dark ? 0.5 : 0.25), ` fill-opacity="${n(veil)}"`) }
}

/** In a wide shot people are on a viaduct, not below it: small, and as high as its rails. */
const isAloft = (scene: Scene, back: Ground) => scene.framing === 'wide' && back.rail !== null && back.rail < 50

/** Props nobody holds stand about: boats on water, the rest on the ground between people. */
function scatter(scene: Scene, things: Thing[], light: Light, width: number, back: Ground): Drawing {
  const aloft = isAloft(scene, back)
  const near = { wide: aloft ? 0.4 : 0.62, medium: 1.15, close: 1.5, 'over the shoulder': 1.2, insert: 1 }[scene.framing]
  let body = ''
  things.forEach((thing, i) => {
    const roll = dice(scene.id, thing.id, 'prop')
    const boat = thing.glyph === 'boat'
    const x = width * ((i + 0.5) / things.length) * 0.8 + width * 0.1 + (roll() - 0.5) * width * 0.12
    if (thing.glyph === 'train') {
      body += train(scene, thing, light, width, back)
      return
    }
    if (thing.glyph === 'telephone' || (thing.glyph === 'clock' && scene.framing !== 'close')) {
      // A clock hangs, and a telephone: on a post out of doors, on the wall inside.
      const high = scene.framing === 'wide' ? 46 : scene.framing === 'close' ? 40 : 30
      body += (scene.place.interior || thing.glyph === 'telephone' ? '' : rect(x - 0.7 * near, high, 1.4 * near, back.ground - high - 8, darker(light.grade(scene.place.colour), 0.6))) + glyph(thing, x, high, near, light, false)
      return
    }
    const y = aloft && back.rail !== null ? back.rail - 9.4 * near : boat && back.water !== null && scene.framing === 'wide' ? back.water : scene.framing === 'wide' ? back.ground - 5 : boat ? 76 : 84
    body += glyph(thing, boat ? width * (0.66 + roll() * 0.2) : x, y, boat ? near * 0.95 : near, light)
  })
  return { defs: '', body }
}

/** A train stands on its rails, far away in a wide shot; nearer, its side fills the back. */
function train(scene: Scene, thing: Thing, light: Light, width: number, back: Ground): string {
  const roll = dice(scene.id, thing.id, 'train')
  if (scene.framing === 'wide') {
    const rail = back.rail ?? 66
    const size = rail > 70 ? 1.9 : 1
    // High up it comes in from one side, and leaves the middle to people.
    const x = isAloft(scene, back) ? (roll() < 0.5 ? 0.14 : 0.86) : 0.46 + roll() * 0.16
    return glyph(thing, width * x, rail - 9.4 * size, size, light)
  }
  const near = scene.framing === 'medium' ? 3.4 : 4.2
  return glyph(thing, width * (0.4 + roll() * 0.2), 92 - 9.4 * near, near, light)
}

/** What is drawn behind people who are near. */
const BEHIND = new Set(['boat', 'chair', 'train', 'telephone'])

function cast(scene: Scene, light: Light, width: number, back: Ground, id: string): Drawing {
  const people = scene.cast
  const held = scene.framing === 'wide' ? [] : scene.things.filter(canBeHeld).slice(0, people.length)
  const rest = scene.things.filter((t) => !held.includes(t))
  const wide = scene.framing === 'wide'
  const aloft = isAloft(scene, back)
  const s = aloft ? 0.27 : wide ? 0.5 : scene.framing === 'medium' ? (people.length > 3 ? 0.92 : 1.08) : 2.05
  const shown = scene.framing === 'close' ? people.slice(0, 2) : people
  let defs = ''
  let front = ''
  shown.forEach((who, i) => {
    const roll = dice(scene.id, who.id, 'place')
    const spread = aloft ? 0.22 : wide ? 0.5 : 0.62
    const middle = shown.length === 1 ? (roll() < 0.5 ? 0.4 : 0.6) : 0.5
    const at = shown.length === 1 ? middle : 0.5 + ((i + 0.5) / shown.length - 0.5) * (spread + shown.length * 0.07)
    const x = width * at + (roll() - 0.5) * (wide ? 10 : 6)
    const facing: 1 | -1 = shown.length === 1 ? (at < 0.5 ? 1 : -1) : at < 0.5 ? 1 : -1
    const size = scene.framing === 'close' && i > 0 ? s * 0.72 : s
        // Everybody stands on one floor, out of the frame, so that a child is smaller and not afloat; the
    // face of a close shot is brought to where the camera looks.
    const base = aloft && back.rail !== null ? back.rail - 0.6 : wide ? back.ground - roll() * 4 : scene.framing === 'medium' ? 12 + 100 * s : i > 0 ? Math.min(10 + 88 * s, 38 + 100 * size * who.height) : 7 + 100 * size * who.height + (who.hat === null ? 0 : 7)
    const thing = held[i]
    const drawn = figure(who, { x, base, s: size, face: facing, back: false, features: !wide, holds: thing !== undefined }, light, scene.look.weight, `${id}${i}`)
    defs += drawn.defs
    const item = thing === undefined ? '' : glyph(thing, drawn.hand[0], drawn.hand[1] - 4 * size, size * 0.62, light, false)
    front = scene.framing === 'close' ? drawn.body + item + front : front + drawn.body + item
  })
  const things = scatter(scene, rest, light, width, back)
  return { defs, body: wide ? things.body + front : rest.some((t) => BEHIND.has(t.glyph)) ? things.body + front : front + things.body }
}

function overTheShoulder(scene: Scene, light: Light, width: number, back: Ground, id: string): Drawing {
  const [near, far] = scene.cast
  if (near === undefined) return scatter(scene, scene.things, light, width, back)
  const left = dice(scene.id, near.id, 'side')() < 0.5
  const X = (v: number) => width * (left ? v : 1 - v)
  const standing = scene.things.filter((t) => far === undefined || !canBeHeld(t))
  let defs = ''
  let body = scatter(scene, standing.filter((t) => BEHIND.has(t.glyph)), light, width, back).body
  if (far !== undefined) {
    const held = scene.things.find(canBeHeld)
    const drawn = figure(far, { x: X(0.62), base: 14 + 128 * far.height + (1 - far.height) * 30, s: 1.28, face: left ? -1 : 1, back: false, features: true, holds: held !== undefined }, light, scene.look.weight, `${id}f`)
    defs += drawn.defs
    body += drawn.body + (held === undefined ? '' : glyph(held, drawn.hand[0], drawn.hand[1] - 5, 0.8, light, false))
  }
  body += scatter(scene, standing.filter((t) => !BEHIND.has(t.glyph)), light, width, back).body
  const dim: Light = { ...light, grade: (c) => darker(light.grade(c), 0.34) }
  const drawn = figure(near, { x: X(0.2), base: 18 + 232 * near.height, s: 2.2, face: left ? 1 : -1, back: true, features: false, holds: false }, dim, scene.look.weight, `${id}n`)
  return { defs: defs + drawn.defs, body: body + drawn.body }
}

/** A detail: the thing itself on a surface or in somebody's hand, or, without one, the cloth of who is there. */
function insert(scene: Scene, light: Light, width: number, id: string): Drawing {
  const [who, held] = [scene.cast[0], scene.things[0]]
  if (held === undefined || (who !== undefined && scene.things.length === 1 && canBeHeld(held))) {
    if (who === undefined) return { defs: '', body: '' }
    const drawn = figure(who, { x: width * 0.5, base: 56 + 213 * who.height, s: 3.5, face: 1, back: false, features: true, holds: true }, light, scene.look.weight, `${id}i`)
    return { defs: drawn.defs, body: drawn.body + (held === undefined ? '' : glyph(held, drawn.hand[0], drawn.hand[1] - 8, 2.3, light, false)) }
  }
  const top = light.grade(darker(scene.place.colour, light.dark ? 0.5 : 0.25))
  const roll = dice(scene.id, 'surface')
  let grain = ''
  for (let i = 0; i < 9; i++) grain += d('M', 0, 66 + i * i * 0.55, 'q', width * 0.3, (roll() - 0.5) * 3, width * 0.55, 0, 't', width * 0.5, 0)
  let body = path(d('M 0 63 L', width, 60, 'L', width, 100, 'L 0 100 Z'), top) + line(grain, darker(top, 0.32), 0.5, ' stroke-opacity="0.6"') + line(d('M 0 63 L', width, 60), darker(top, 0.4), 0.6)
  const scale = scene.things.length === 1 ? 3.3 : scene.things.length === 2 ? 2.5 : 1.9
  scene.things.forEach((thing, i) => {
    const x = width * ((i + 0.5) / scene.things.length) * 0.78 + width * 0.11 + (roll() - 0.5) * 8
    body += glyph(thing, x, 55 + (i % 2) * 6, scale, light)
  })
  const names = scene.things.map((t) => t.name).join(' · ')
  body += `<text x="${n(width - 5)}" y="95" text-anchor="end" font-family="ui-sans-serif, system-ui, sans-serif" font-size="4.6" fill="#ffffff" fill-opacity="0.78">${escape(names)}</text>`
  return { defs: '', body }
}

function finish(scene: Scene, light: Light, width: number, id: string): Drawing {
  let body = rect(0, 0, width, 100, `url(#${id}v)`)
  if (scene.look.grain > 0) {
    const roll = dice(scene.id, 'grain')
    let [bright, dim] = ['', '']
    const count = Math.round(60 + scene.look.grain * 320)
    for (let i = 0; i < count; i++) {
      const speck = `M${n(roll() * width)} ${n(roll() * 100)}h.45`
      if (i % 2 === 0) bright += speck
      else dim += speck
    }
    const strength = ` stroke-opacity="${n(0.12 + scene.look.grain * 0.22)}"`
    body += line(bright, '#ffffff', 0.45, strength) + line(dim, '#000000', 0.45, strength)
  }
  const edge = light.dark ? 0.36 : 0.2
  return { defs: glow(`${id}v`, [[0.62, '#05060a', 0], [1, '#05060a', edge]]), body }
}

/** What a person who cannot see the picture is told. */
export function describe(shot: Resolved, scene = readScene(shot)): string {
  const who = scene.cast.map((c) => c.name).join(', ')
  const place = shot.references.find((r) => r.kind === 'location')?.name
  return [`${scene.framing} shot`, who && `of ${who}`, place && `at ${place}`, `by ${scene.hour}`].filter(Boolean).join(' ')
}

/** A picture in three layers, back to front, so that a changed coat redraws its wearer and no more. */
export interface Picture {
  /** Everything that the drawing was made from. */
  key: string
  width: number
  label: string
  back: string
  cast: string
  finish: string
}

const layer = ({ defs, body }: Drawing) => (defs === '' ? body : `<defs>${defs}</defs>${body}`)

/** Places and finishes outlive many changes of those who stand in them. */
const kept = new Map<string, string>()
const KEEP = 1_000

function keep(key: string, draw: () => string): string {
  const known = kept.get(key)
  if (known !== undefined) return known
  const drawn = draw()
  const oldest = kept.size >= KEEP ? kept.keys().next().value : undefined
  if (oldest !== undefined) kept.delete(oldest)
  kept.set(key, drawn)
  return drawn
}

/** `before` itself where nothing that is drawn differs from it: most of what people type is not to be seen. */
export function picture(shot: Resolved, { aspect, place = '' }: Frame, before: Picture | null = null): Picture {
  const scene = readScene(shot)
  const width = Math.round(aspect * 100)
  const id = `k${hash(`${place}\u0000${shot.id}`).toString(36)}`
  const key = JSON.stringify([id, width, describe(shot, scene), scene])
  if (key === before?.key) return before
  const light = lightOf(scene)
  const at = JSON.stringify([id, width, shot.id, scene.framing, scene.hour, scene.place, scene.look])
  const ground = scene.place.interior ? GROUND : groundOf(scene)
  return {
    key,
    width,
    label: describe(shot, scene),
    back: keep(`back ${at}`, () => layer(backdropOf(scene, light, width, id))),
    cast: layer(castOf(scene, light, width, ground, id)),
    finish: keep(`finish ${at}`, () => layer(finish(scene, light, width, id))),
  }
}

function castOf(scene: Scene, light: Light, width: number, ground: Ground, id: string): Drawing {
  if (scene.framing === 'insert') return insert(scene, light, width, id)
  if (scene.framing === 'over the shoulder') return overTheShoulder(scene, light, width, ground, id)
  return cast(scene, light, width, ground, id)
}

export function sketch(shot: Resolved, frame: Frame): string {
  const { width, label, back, cast: people, finish: last } = picture(shot, frame)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 100" role="img" aria-label="${escape(label)}" preserveAspectRatio="xMidYMid slice">` +
    `<g>${back}</g><g>${people}</g><g>${last}</g></svg>`
}
