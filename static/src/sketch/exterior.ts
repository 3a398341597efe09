/** Out of doors: sky, what lies far away, and the ground the cast stands on. */
import { darker, lighter, mix } from './colour.ts'
import { isSnowy, platform, rainfall, snowfall, track, viaduct } from './landmarks.ts'
import type { Light } from './light.ts'
import { type Dice, dice, pick } from './random.ts'
import type { Drawing, Ground, Scene } from './scene.ts'
import { d, fade, glow, line, n, oval, path, rect } from './svg.ts'

type Terrain = 'sea' | 'wood' | 'town' | 'hills' | 'cliff' | 'sand' | 'viaduct' | 'platform'

const TERRAINS: readonly [RegExp, Terrain][] = [
  [/\b(viaduct|aqueduct|arches)/, 'viaduct'],
  [/\b(platform|railway|station|halt\b|sidings)/, 'platform'],
  [/\b(cliff|headland|bluff|precipice|crag)/, 'cliff'],
  [/\b(quay|harbou?r|dock|pier|jetty|sea|boat|shore|lake|river|canal|port\b|water)/, 'sea'],
  [/\b(beach|sand|desert|dune)/, 'sand'],
  [/\b(forest|woods?\b|woodland|trees?\b|grove|orchard|park\b|jungle|garden|pines?\b)/, 'wood'],
  [/\b(streets?\b|city|town|alley|square|roof|market|village|bridge|yard|road|lane\b)/, 'town'],
  [/\b(mountain|hill|moor|valley|field|meadow|pass\b|slope)/, 'hills'],
]

/** What the place's words name, else what its id deals it. */
function terrainOf(scene: Scene): Terrain {
  const named = TERRAINS.find(([test]) => test.test(scene.place.words))
  return named?.[1] ?? pick(['hills', 'wood', 'sea'], dice(scene.place.id, 'terrain')())
}

/** A ridge from edge to edge as one smooth outline, closed at the bottom. */
function ridge(roll: Dice, width: number, y: number, rise: number, steps: number): string {
  const points: [number, number][] = []
  for (let i = -1; i <= steps + 1; i++) points.push([(i * width) / steps, y - roll() * rise])
  let data = d('M', points[0]?.[0] ?? 0, points[0]?.[1] ?? y)
  for (let i = 1; i < points.length - 1; i++) {
    const a: [number, number] = points[i] ?? [0, y]
    const b: [number, number] = points[i + 1] ?? [width, y]
    data += ` ${d('Q', a[0], a[1], (a[0] + b[0]) / 2, (a[1] + b[1]) / 2)}`
  }
  return `${data} L ${n(width)} 100 L 0 100 Z`
}

function sky(scene: Scene, light: Light, width: number, id: string): { defs: string; body: string; sun: number } {
  const roll = dice(scene.place.id, scene.hour, 'sky')
  const sun = width * (0.18 + roll() * 0.64)
  const low = scene.hour === 'dawn' || scene.hour === 'dusk'
  const disc = scene.hour === 'night' ? '#eef1f6' : low ? '#ffe0ae' : '#fffbe8'
  const y = low ? 46 : scene.hour === 'night' ? 18 : 14
  const r = scene.hour === 'night' ? 4.6 : low ? 7.5 : 5
  const defs =
    fade(`${id}s`, [[0, light.sky[0]], [0.55, light.sky[1]], [1, light.sky[2]]]) +
    glow(`${id}g`, [[0, disc, low ? 0.75 : 0.45], [0.4, disc, low ? 0.25 : 0.12], [1, disc, 0]])
  let body = rect(0, 0, width, 66, `url(#${id}s)`)
  if (scene.hour === 'night') {
    let stars = ''
    for (let i = 0; i < 46; i++) stars += `M${n(roll() * width)} ${n(roll() * roll() * 50)}h${n(0.25 + roll() * 0.35)}`
    body += line(stars, '#dfe6f7', 0.5, ' stroke-linecap="round" stroke-opacity="0.8"')
  }
  body += oval(sun, y, low ? 46 : 30, low ? 34 : 30, `url(#${id}g)`) + oval(sun, y, r, r, disc)
  const cloud = mix(light.sky[2], scene.hour === 'night' ? '#22304f' : '#ffffff', 0.5)
  for (let i = 0; i < 5; i++) {
    const [x, cy, w] = [roll() * width * 1.2 - width * 0.1, 8 + roll() * 32, 16 + roll() * 46]
    const h = 1 + roll() * 2.4
    body += path(d('M', x - w, cy, 'Q', x - w * 0.4, cy - h * 1.5, x, cy - h, 'Q', x + w * 0.5, cy - h * 2, x + w, cy,
      'Q', x + w * 0.2, cy + h * 0.9, x - w, cy, 'Z'), cloud, ` fill-opacity="${n(scene.hour === 'night' ? 0.3 : 0.55)}"`)
  }
  return { defs, body, sun }
}

function sea(scene: Scene, light: Light, width: number, sun: number, id: string): Drawing {
  const roll = dice(scene.place.id, 'sea')
  const base = light.grade(mix(scene.place.colour, '#3f7285', 0.45))
  const deep = darker(base, 0.38)
  const defs = fade(`${id}w`, [[0, mix(light.sky[2], base, 0.45)], [0.25, base], [1, deep]])
  let body = path(ridge(roll, width, 57, 9, 9), mix(light.grade(scene.place.colour), light.haze, 0.6))
  body += path(ridge(roll, width, 58, 5, 14), mix(light.grade(darker(scene.place.colour, 0.2)), light.haze, 0.36))
  body += rect(0, 57, width, 43, `url(#${id}w)`)
  let shine = ''
  for (let i = 0; i < 20; i++) {
    const y = 58.5 + i * i * 0.075
    const w = 2 + roll() * (4 + i * 0.8)
    shine += `M${n(sun - w + (roll() - 0.5) * (3 + i))} ${n(y)}h${n(w * 1.7)}`
  }
  body += line(shine, lighter(light.sky[2], 0.35), 0.7, ' stroke-linecap="round" stroke-opacity="0.65"')
  let waves = ''
  for (let i = 0; i < 34; i++) {
    const y = 60 + roll() * 34
    waves += `M${n(roll() * width)} ${n(y)}q${n(2 + (y - 58) * 0.1)} ${n(-0.5)} ${n(4 + (y - 58) * 0.22)} 0`
  }
  body += line(waves, lighter(base, 0.28), 0.4, ' stroke-linecap="round" stroke-opacity="0.5"')
  if (/quay|harbou?r|dock|pier|jetty|port\b/.test(scene.place.words)) body += quay(scene, light, width, roll)
  else body += path(d('M 0 93 Q', width * 0.3, 86, width * 0.62, 91, 'T', width, 88, 'L', width, 100, 'L 0 100 Z'),
    light.grade(darker(mix(scene.place.colour, '#a08f6c', 0.5), 0.2)))
  return { defs, body }
}

function quay(scene: Scene, light: Light, width: number, roll: Dice): string {
  const stone = light.grade(mix(scene.place.colour, '#8d8478', 0.55))
  let body = path(d('M 0 88 L', width, 84, 'L', width, 100, 'L 0 100 Z'), darker(stone, 0.22))
  body += path(d('M 0 88 L', width, 84, 'L', width, 85.6, 'L 0 89.9 Z'), lighter(stone, 0.12))
  let joints = ''
  for (let x = 6; x < width; x += 17 + roll() * 8) joints += `M${n(x)} ${n(89.6 - (x / width) * 4)}L${n(x + (x - width / 2) * 0.16)} 100`
  body += line(`${joints}M0 95.5L${n(width)} 92.5`, darker(stone, 0.42), 0.5, ' stroke-opacity="0.7"')
  for (const at of [0.09 + roll() * 0.1, 0.84 + roll() * 0.1]) {
    const x = at * width
    const y = 88.6 - at * 4
    body += path(d('M', x - 2.2, y + 2, 'L', x - 1.5, y - 5, 'L', x + 1.5, y - 5, 'L', x + 2.2, y + 2, 'Z'), darker(stone, 0.6))
    body += oval(x, y - 5.2, 2.5, 1.1, darker(stone, 0.45))
  }
  const x = width * (0.34 + roll() * 0.3)
  return body + line(d('M', x, 86, 'q', 22, 7, 46, -2.5), darker(stone, 0.55), 0.6)
}

function tree(x: number, y: number, h: number, colour: string, round: boolean): string {
  const trunk = rect(x - h * 0.025, y - h * 0.3, h * 0.05, h * 0.32, darker(colour, 0.5))
  if (round) {
    return trunk + path(d('M', x - h * 0.26, y - h * 0.34, 'C', x - h * 0.4, y - h * 0.7, x - h * 0.16, y - h * 1.02, x, y - h,
      'C', x + h * 0.22, y - h * 1.04, x + h * 0.4, y - h * 0.66, x + h * 0.26, y - h * 0.34,
      'C', x + h * 0.1, y - h * 0.24, x - h * 0.1, y - h * 0.24, x - h * 0.26, y - h * 0.34, 'Z'), colour)
  }
  return trunk + path(d('M', x, y - h, 'L', x + h * 0.13, y - h * 0.64, 'L', x + h * 0.08, y - h * 0.64, 'L', x + h * 0.2, y - h * 0.36,
    'L', x + h * 0.12, y - h * 0.36, 'L', x + h * 0.26, y - h * 0.08, 'L', x - h * 0.26, y - h * 0.08, 'L', x - h * 0.12, y - h * 0.36,
    'L', x - h * 0.2, y - h * 0.36, 'L', x - h * 0.08, y - h * 0.64, 'L', x - h * 0.13, y - h * 0.64, 'Z'), colour)
}

function wood(scene: Scene, light: Light, width: number): string {
  const roll = dice(scene.place.id, 'wood')
  const leaf = light.grade(mix(scene.place.colour, '#4a6b45', 0.4))
  const round = /orchard|park|garden|oak/.test(scene.place.words) || (roll() < 0.4 && !/pine|fir\b|spruce/.test(scene.place.words))
  let body = path(ridge(roll, width, 57, 10, 8), mix(leaf, light.haze, 0.62))
  for (let row = 0; row < 3; row++) {
    const colour = darker(mix(leaf, light.haze, 0.46 - row * 0.2), row * 0.1)
    const count = 17 - row * 4
    for (let i = 0; i < count; i++) {
      const edge = row === 2 ? (i % 2 === 0 ? roll() * 0.26 : 1 - roll() * 0.26) : (i + roll()) / count
      body += tree(edge * width, 66 + row * 7 + roll() * 2, (18 + row * 15) * (0.8 + roll() * 0.5), colour, round)
    }
    const floor = isSnowy(scene) ? light.grade(mix(scene.place.colour, '#e9eff2', 0.66)) : light.grade(scene.place.colour)
    body += rect(0, 64.5 + row * 7, width, 40, mix(colour, floor, (isSnowy(scene) ? 0.6 : 0.35) + row * 0.15))
  }
  return body + (/\b(track|rails)\b/.test(scene.place.words) ? track(scene, light, width) : '') + tufts(roll, width, darker(leaf, 0.3), 82)
}

function tufts(roll: Dice, width: number, colour: string, from: number): string {
  let data = ''
  for (let i = 0; i < 60; i++) data += `M${n(roll() * width)} ${n(from + roll() * (100 - from))}q${n(roll() - 0.5)} -1.4 ${n(roll() * 1.4 - 0.5)} ${n(-1.6 - roll() * 1.8)}`
  return line(data, colour, 0.4, ' stroke-linecap="round" stroke-opacity="0.7"')
}

function town(scene: Scene, light: Light, width: number): string {
  const roll = dice(scene.place.id, 'town')
  const wall = light.grade(scene.place.colour)
  let body = ''
  for (let row = 0; row < 2; row++) {
    const colour = mix(darker(wall, row * 0.22), light.haze, 0.5 - row * 0.4)
    for (let x = -6; x < width; ) {
      const [w, h] = [12 + roll() * 18, (row === 0 ? 24 : 32) + roll() * (row === 0 ? 18 : 26)]
      const gone = row === 1 && x > width * 0.36 && x < width * 0.56
      const top = 72 - h
      if (!gone) {
        const tone = mix(colour, roll() < 0.5 ? '#1c2027' : '#efe7d8', 0.07 + roll() * 0.1)
        body += roll() < 0.55
          ? path(d('M', x, 73, 'L', x, top, 'L', x + w / 2, top - 5 - roll() * 3, 'L', x + w, top, 'L', x + w, 73, 'Z'), tone)
          : rect(x, top, w, h + 1, tone) + rect(x - 0.6, top, w + 1.2, 1.2, darker(tone, 0.3))
        if (row === 1) body += windows(roll, light, x, top, w, h, tone)
      }
      x += w + (row === 0 ? 0.5 : 1)
    }
  }
  const road = light.grade(mix(scene.place.colour, '#6a6660', 0.6))
  body += rect(0, 72, width, 28, darker(road, 0.15))
  body += path(d('M', width * 0.42, 72, 'L', width * 0.5, 72, 'L', width * 0.82, 100, 'L', width * 0.06, 100, 'Z'), lighter(road, 0.06))
  return body + line(d('M 0 76.5 L', width, 76.5, 'M', width * 0.42, 72, 'L', width * 0.06, 100, 'M', width * 0.5, 72, 'L', width * 0.82, 100), darker(road, 0.35), 0.5)
}

function windows(roll: Dice, light: Light, x: number, top: number, w: number, h: number, wall: string): string {
  let [lit, dim] = ['', '']
  for (let wy = top + 4; wy < top + h - 8; wy += 7) {
    for (let wx = x + 2.4; wx < x + w - 3.4; wx += 5.4) {
      const pane = `M${n(wx)} ${n(wy)}h2.6v3.8h-2.6z`
      if (roll() < (light.dark ? 0.42 : 0.1)) lit += pane
      else dim += pane
    }
  }
  return path(dim, darker(wall, 0.4)) + path(lit, light.dark ? light.lamp : mix(wall, light.lamp, 0.6))
}

function land(scene: Scene, light: Light, width: number, terrain: Terrain): string {
  const sand = terrain === 'sand'
  const roll = dice(scene.place.id, 'land')
  const earth = light.grade(sand ? mix(scene.place.colour, '#d0b184', 0.4) : isSnowy(scene) ? mix(scene.place.colour, '#e9eff2', 0.5) : scene.place.colour)
  let body = ''
  for (let i = 0; i < 4; i++) {
    body += path(ridge(roll, width, 60 + i * 6.5, (sand ? 8 : 17) - i * 3, 6 + i * 2), mix(darker(earth, i * 0.06), light.haze, 0.68 - i * 0.2))
  }
  if (terrain === 'platform') return body + platform(scene, light, width)
  if (terrain === 'viaduct') {
    body += viaduct(scene, light, width) + path(d('M 0 76 Q', width * 0.3, 68, width * 0.6, 73, 'T', width, 70, 'L', width, 100, 'L 0 100 Z'), darker(earth, 0.1))
  }
  body += path(d('M 0 86 Q', width * 0.3, 79, width * 0.6, 84, 'T', width, 82, 'L', width, 100, 'L 0 100 Z'), darker(earth, 0.2))
  const x = width * (0.3 + roll() * 0.4)
  body += path(d('M', x, 81.5, 'C', x + 12, 86, x - 26, 89, x - 8, 100, 'L', x + 26, 100, 'C', x + 8, 90, x + 22, 86, x + 2.5, 81.5, 'Z'), lighter(earth, 0.16), ' fill-opacity="0.8"')
  return body + (sand ? '' : tufts(roll, width, darker(earth, 0.42), 84))
}

function cliff(scene: Scene, light: Light, width: number, sun: number, id: string): Drawing {
  const roll = dice(scene.place.id, 'cliff')
  const water = sea({ ...scene, place: { ...scene.place, words: '' } }, light, width, sun, id)
  const rock = light.grade(mix(scene.place.colour, '#8b8577', 0.3))
  const grass = light.grade(scene.place.colour)
  const left = roll() < 0.5
  const X = (v: number) => (left ? v * width : width - v * width)
  let body = water.body
  body += path(d('M', X(0), 38, 'Q', X(0.1), 34, X(0.2), 37, 'L', X(0.235), 47, 'L', X(0.225), 55, 'L', X(0.25), 62, 'L', X(0), 64, 'Z'), mix(rock, light.haze, 0.4))
  body += path(d('M', X(0), 74, 'Q', X(0.3), 64, X(0.62), 72, 'Q', X(0.78), 76, X(0.8), 80, 'L', X(0.83), 88, 'L', X(0.86), 100, 'L', X(0), 100, 'Z'), darker(rock, 0.3))
  body += path(d('M', X(0), 74, 'Q', X(0.3), 64, X(0.62), 72, 'Q', X(0.78), 76, X(0.8), 80, 'L', X(0.74), 83, 'Q', X(0.6), 92, X(0.56), 100, 'L', X(0), 100, 'Z'), darker(grass, 0.12))
  body += line(d('M', X(0.77), 85, 'L', X(0.79), 99, 'M', X(0.7), 88, 'L', X(0.72), 100, 'M', X(0.64), 93, 'L', X(0.65), 100), darker(rock, 0.5), 0.6, ' stroke-opacity="0.7"')
  return { defs: water.defs, body: body + `<g>${tufts(roll, width * 0.5, darker(grass, 0.4), 84)}</g>` }
}

const dry = (body: string): Drawing => ({ defs: '', body })

const WATER: Partial<Record<Terrain, number>> = { sea: 70, cliff: 64 }
const RAIL: Partial<Record<Terrain, number>> = { viaduct: 41.6, platform: 78.8, wood: 57 }

export function groundOf(scene: Scene): Ground {
  return { ground: 93, water: WATER[terrainOf(scene)] ?? null, rail: RAIL[terrainOf(scene)] ?? null }
}

export function exterior(scene: Scene, light: Light, width: number, id: string): Drawing {
  const above = sky(scene, light, width, id)
  const terrain = terrainOf(scene)
  const below = terrain === 'sea' ? sea(scene, light, width, above.sun, id)
    : terrain === 'cliff' ? cliff(scene, light, width, above.sun, id)
      : dry(terrain === 'wood' ? wood(scene, light, width) : terrain === 'town' ? town(scene, light, width) : land(scene, light, width, terrain))
  return { defs: above.defs + below.defs, body: above.body + below.body + (isSnowy(scene) ? snowfall(scene, width) : /\brain\b/.test(scene.place.words) ? rainfall(scene, width) : '') }
}
