/** What a place's own words add to its ground: a viaduct, a railway platform, snow. */
import { darker, lighter, mix } from './colour.ts'
import type { Light } from './light.ts'
import { dice } from './random.ts'
import type { Scene } from './scene.ts'
import { d, line, n, oval, path, rect } from './svg.ts'

export const isSnowy = (scene: Scene): boolean => /\b(snow|ice|iced|frost|winter|glacier)/.test(scene.place.words)

/** Stone arches from edge to edge, standing in the middle distance. */
export function viaduct(scene: Scene, light: Light, width: number): string {
  const stone = mix(light.grade(mix(scene.place.colour, '#8c8278', 0.5)), light.haze, 0.22)
  const [top, foot, count] = [43, 74, 7]
  const step = width / count
  let holes = ''
  for (let i = 0; i < count; i++) {
    const [l, r] = [i * step + step * 0.12, (i + 1) * step - step * 0.12]
    const spring = top + 6 + (r - l) * 0.42
    holes += d(' M', l, foot + 2, 'V', spring, 'A', (r - l) / 2, (r - l) * 0.46, '0 0 1', r, spring, 'V', foot + 2, 'Z')
  }
  let courses = ''
  for (let i = 0; i <= count; i++) courses += d('M', i * step, top + 6, 'V', foot)
  return path(`${d('M 0', top, 'H', width, 'V', foot, 'H 0 Z')}${holes}`, stone, ' fill-rule="evenodd"') +
    rect(0, top - 1.6, width, 2.4, darker(stone, 0.3)) + rect(0, top + 3.4, width, 0.9, darker(stone, 0.22)) + line(courses, darker(stone, 0.25), 0.4, ' stroke-opacity="0.5"')
}

/** A line of rails, a slab to wait on, a roof that ends too soon, a bench and a lamp. */
export function platform(scene: Scene, light: Light, width: number): string {
  const roll = dice(scene.place.id, 'platform')
  const slab = light.grade(mix(scene.place.colour, isSnowy(scene) ? '#c9d3d8' : '#8f8a82', 0.6))
  const timber = darker(light.grade(mix(scene.place.colour, '#6a4a34', 0.6)), 0.25)
  const left = roll() < 0.5
  const X = (v: number) => (left ? v * width : width - v * width)
  let sleepers = ''
  for (let x = -4; x < width; x += 7) sleepers += `M${n(x)} 75.4l-2.4 3.4`
  let body = rect(0, 73.6, width, 8, darker(slab, 0.5)) + line(sleepers, darker(timber, 0.3), 1.3) + line(d('M 0 75.4 H', width, 'M 0 78.6 H', width), lighter(slab, 0.12), 0.7)
  body += rect(0, 81, width, 19, slab) + rect(0, 81, width, 1.6, lighter(slab, 0.4)) + rect(0, 82.6, width, 2, darker(slab, 0.3))
  let joints = ''
  for (let x = 8; x < width; x += 26) joints += `M${n(x)} 84.6L${n(x + (x - width / 2) * 0.2)} 100`
  body += line(joints, darker(slab, 0.28), 0.5, ' stroke-opacity="0.6"')
  const [a, b] = [Math.min(X(0), X(0.34)), Math.max(X(0), X(0.34))]
  body += rect(X(0.06) - 0.9, 40, 1.8, 43, timber) + rect(X(0.28) - 0.9, 40, 1.8, 43, timber) + path(d('M', a - 2, 40.5, 'L', a + 2, 35.5, 'L', b - 2, 35.5, 'L', b + 2, 40.5, 'Z'), darker(timber, 0.2)) + rect(a - 2, 40.5, b - a + 4, 1.4, lighter(timber, 0.2))
  const seat = X(0.17) - 12
  body += rect(seat, 74.5, 24, 1.5, lighter(timber, 0.15)) + rect(seat, 70, 24, 2.4, timber) + path(d('M', seat + 2, 76, 'h 1.5 v 7 h -1.5 Z m 18.5 0 h 1.5 v 7 h -1.5 Z'), darker(timber, 0.3))
  const post = X(0.56)
  body += rect(post - 0.6, 44, 1.2, 39, darker(timber, 0.4)) + path(d('M', post - 2.6, 44, 'l 1 -4 h 3.2 l 1 4 Z'), light.lamp)
  return light.dark ? body + oval(post, 43, 15, 13, light.lamp, ' fill-opacity="0.16"') + oval(post, 43, 7, 6, light.lamp, ' fill-opacity="0.2"') : body
}

/** How far down the picture a track has come, from the horizon (0) to the lower edge (1). */
const Y = (t: number) => 66 + 36 * t * t

/** One track, from under the camera to where it is lost. */
export function track(scene: Scene, light: Light, width: number): string {
  const bed = light.grade(mix(scene.place.colour, isSnowy(scene) ? '#b9c4c8' : '#8a8177', 0.6))
  const timber = darker(light.grade(mix(scene.place.colour, '#5a4030', 0.7)), 0.2)
  const [far, near] = [width * 0.5, width * 0.44]
  const X = (t: number, side: number) => far + (near - far) * t + side * (1.1 + 30 * t * t)
  let sleepers = ''
  for (let i = 2; i <= 14; i++) {
    const t = i / 13
    sleepers += d('M', X(t, -1.35), Y(t), 'L', X(t, 1.35), Y(t), 'v', 0.4 + t * 1.9, 'L', X(t, -1.35), Y(t) + 0.4 + t * 1.9, 'Z ')
  }
  const rail = (side: number) => {
    let data = d('M', X(0, side), Y(0))
    for (let i = 1; i <= 8; i++) data += ` ${d('L', X(i / 8, side), Y(i / 8))}`
    return data
  }
  return path(d('M', far - 1.6, 66, 'Q', X(0.6, -1.5), Y(0.5), X(1, -1.7), 102, 'L', X(1, 1.7), 102, 'Q', X(0.6, 1.5), Y(0.5), far + 1.6, 66, 'Z'), bed, ' fill-opacity="0.55"') +
    path(sleepers.trim(), timber, ' fill-opacity="0.85"') + line(`${rail(-1)} ${rail(1)}`, lighter(darker(bed, 0.45), 0.1), 1.1)
}

/** Rain, driven from one side. */
export function rainfall(scene: Scene, width: number): string {
  const roll = dice(scene.id, 'rain')
  let drops = ''
  for (let i = 0; i < 90; i++) drops += `M${n(roll() * width)} ${n(roll() * 96)}l-1.2 ${n(3 + roll() * 3)}`
  return line(drops, '#dfe8f2', 0.4, ' stroke-linecap="round" stroke-opacity="0.42"')
}

/** Flakes in the air, nearer ones larger; streaks where the wind has them. */
export function snowfall(scene: Scene, width: number): string {
  const roll = dice(scene.id, 'snow')
  const windy = /\b(storm|blizzard|gale|blows)\b/.test(scene.place.words)
  const [small, large] = windy ? ['l2.6-.5', 'l4.4-.9'] : ['h.3', 'h.3']
  let [far, near] = ['', '']
  for (let i = 0; i < (windy ? 110 : 70); i++) far += `M${n(roll() * width)} ${n(roll() * 96)}${small}`
  for (let i = 0; i < (windy ? 22 : 16); i++) near += `M${n(roll() * width)} ${n(roll() * 96)}${large}`
  return line(far, '#ffffff', windy ? 0.5 : 0.8, ' stroke-linecap="round" stroke-opacity="0.55"') + line(near, '#ffffff', windy ? 0.9 : 1.6, ' stroke-linecap="round" stroke-opacity="0.5"')
}
