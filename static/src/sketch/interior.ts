/** In doors: a room in one-point perspective, its window, and the furniture its name suggests. */
import { darker, lighter, mix } from './colour.ts'
import type { Light } from './light.ts'
import { type Dice, dice } from './random.ts'
import type { Drawing, Ground, Scene } from './scene.ts'
import { d, fade, glow, line, n, oval, path, rect } from './svg.ts'

interface Room {
  l: number
  r: number
  top: number
  floor: number
  width: number
  wall: string
  wood: string
  light: Light
}

type Piece = (room: Room, x: number, roll: Dice) => string

function shelf({ wall, wood, floor }: Room, x: number, roll: Dice): string {
  const [w, top] = [24, floor - 38]
  let body = rect(x, top, w, 38, darker(wood, 0.3)) + rect(x + 1.2, top + 1.4, w - 2.4, 35, darker(wood, 0.55))
  for (let row = 0; row < 3; row++) {
    const y = top + 12.4 + row * 11.4
    for (let bx = x + 2; bx < x + w - 3; ) {
      const [bw, bh] = [1 + roll() * 1.6, 4.5 + roll() * 5]
      if (roll() < 0.82) body += rect(bx, y - bh, bw, bh, mix(wall, roll() < 0.5 ? '#7a3b34' : '#3f5a66', 0.3 + roll() * 0.5))
      bx += bw + 0.25
    }
    body += rect(x + 1.2, y, w - 2.4, 1, wood)
  }
  return body
}

function table({ wood, floor }: Room, x: number): string {
  const top = floor - 4
  return path(d('M', x - 2, top + 4, 'L', x + 3, top, 'L', x + 39, top, 'L', x + 44, top + 4, 'Z'), lighter(wood, 0.12)) +
    rect(x - 2, top + 4, 46, 1.8, darker(wood, 0.2)) +
    path(d('M', x, top + 5.8, 'h 2.4 l -0.6 15 h -1.4 Z M', x + 39.6, top + 5.8, 'h 2.4 l -0.4 15 h -1.4 Z'), darker(wood, 0.4))
}

function stove({ wall, floor, light }: Room, x: number): string {
  const iron = mix(darker(wall, 0.66), '#22252a', 0.5)
  return rect(x + 9, 4, 3.4, floor - 26, darker(iron, 0.2)) + rect(x, floor - 23, 22, 23, iron) + rect(x - 1, floor - 24.4, 24, 1.8, lighter(iron, 0.16)) +
    rect(x + 5.5, floor - 15, 11, 7, darker(iron, 0.5)) + rect(x + 6.5, floor - 14, 9, 5, light.dark ? mix(light.lamp, '#e8702a', 0.5) : mix(iron, '#b0562c', 0.4)) +
    path(d('M', x + 4, floor - 24.6, 'q 0.4 -5 4.4 -5 q 4 0 4.4 5 Z'), lighter(iron, 0.2))
}

function bed({ wood, wall, floor }: Room, x: number): string {
  const sheet = lighter(wall, 0.5)
  return rect(x, floor - 19, 2.6, 21, darker(wood, 0.2)) + rect(x + 41, floor - 11, 2.4, 15, darker(wood, 0.2)) +
    path(d('M', x + 2, floor - 8, 'h 39 v 8 h -39 Z'), darker(wood, 0.35)) + path(d('M', x + 2.6, floor - 8, 'q 0 -4.4 6 -4.2 h 26 q 6.4 0 6.6 6 v 2 h -38 Z'), mix(sheet, wall, 0.4)) +
    path(d('M', x + 3, floor - 10.5, 'q 1 -4 7 -3.6 q 4.4 0.6 4 4 q -5 1.2 -11 -0.4 Z'), sheet)
}

function door({ wood, floor }: Room, x: number): string {
  return rect(x - 1.4, floor - 43.4, 22.8, 43.4, darker(wood, 0.5)) + rect(x, floor - 42, 20, 42, darker(wood, 0.16)) +
    line(`M${n(x + 3)} ${n(floor - 38)}h14v14h-14zM${n(x + 3)} ${n(floor - 19)}h14v15h-14z`, darker(wood, 0.38), 0.7) + oval(x + 17.4, floor - 20.6, 0.9, 0.9, lighter(wood, 0.5))
}

function counter({ wood, wall, floor }: Room, x: number, roll: Dice): string {
  let body = rect(x - 4, floor - 36, 54, 1.2, wood)
  for (let i = 0; i < 11; i++) body += path(d('M', x - 1 + i * 4.4, floor - 36, 'v', -3.4 - roll() * 2, 'q 0 -1 0.5 -1.2 v -1.6 h 1 v 1.6 q 0.6 0.2 0.6 1.2 V', floor - 36, 'Z'), mix(wall, ['#5a7a5a', '#8a5a34', '#c2b48a'][Math.floor(roll() * 3)] ?? '#5a7a5a', 0.7))
  body += rect(x - 8, floor - 17, 62, 20, darker(wood, 0.28)) + rect(x - 10, floor - 18.6, 66, 2.6, lighter(wood, 0.1))
  return body + line(d('M', x + 6, floor - 14, 'v 16 m 14 -16 v 16 m 14 -16 v 16'), darker(wood, 0.46), 0.6)
}

function pillars({ wall, top, floor, l, r }: Room): string {
  let body = ''
  for (let i = 0; i < 4; i++) {
    const x = l + ((r - l) * (i + 0.5)) / 4
    body += rect(x - 3, top, 6, floor - top, lighter(wall, 0.14)) + rect(x + 0.6, top, 2.4, floor - top, darker(wall, 0.18)) +
      rect(x - 4.4, top, 8.8, 2.4, lighter(wall, 0.22)) + rect(x - 4.4, floor - 3, 8.8, 3, lighter(wall, 0.1))
  }
  return body
}

function pictureFrame({ wood, wall, top }: Room, x: number, roll: Dice): string {
  const [w, h, y] = [11 + roll() * 7, 9 + roll() * 4, top + 8 + roll() * 4]
  return rect(x, y, w, h, darker(wood, 0.25)) + rect(x + 1.1, y + 1.1, w - 2.2, h - 2.2, mix(wall, '#6f8791', 0.5)) +
    path(d('M', x + 1.1, y + h - 3, 'l', w * 0.3, -2.6, 'l', w * 0.24, 1.6, 'l', w * 0.36 - 2, -1, 'V', y + h - 1.1, 'H', x + 1.1, 'Z'), mix(wall, '#3f4f48', 0.6))
}

function bench({ wood, floor }: Room, x: number): string {
  return rect(x, floor - 13, 30, 1.6, darker(wood, 0.1)) + rect(x, floor - 24, 30, 7, darker(wood, 0.3)) +
    path(d('M', x + 2, floor - 25, 'h 2 v 29 h -2 Z m 24 0 h 2 v 29 h -2 Z'), darker(wood, 0.45))
}

/** A frame of signal levers, polished at the grip. */
function levers({ wood, wall, floor }: Room, x: number): string {
  const iron = mix(darker(wall, 0.6), '#2a2d33', 0.5)
  let body = ''
  for (let i = 0; i < 9; i++) {
    const at = x + i * 4.6
    const lean = i === 6 ? 2.6 : -0.8
    body += line(d('M', at, floor - 3, 'l', lean, -19), ['#8a3a30', '#3d5a72', '#3b3f45'][i % 3] ?? iron, 1.5) + line(d('M', at + lean * 0.86, floor - 19.4, 'l', lean * 0.14, -2.8), lighter(wood, 0.6), 1.7, ' stroke-linecap="round"')
  }
  return body + rect(x - 4, floor - 5, 46, 5, iron) + rect(x - 4, floor - 5.6, 46, 1.1, lighter(iron, 0.25))
}

/** Two berths, one above the other, made up for the night, and the ladder between them. */
function berths({ wood, wall, floor }: Room, x: number): string {
  let body = rect(x - 1.6, floor - 47, 48, 47, darker(wall, 0.34)) + rect(x - 1.6, floor - 47, 48, 1.6, lighter(wood, 0.3))
  for (const y of [floor - 25, floor - 3]) {
    body += rect(x, y, 45, 3, darker(wood, 0.1)) + rect(x, y, 45, 0.8, lighter(wood, 0.35)) + path(d('M', x + 1, y, 'v', -4, 'q 1 -3 8 -2.4 q 4 1 3.4 6.4 Z'), '#d8d2c6') +
      path(d('M', x + 11, y, 'q 1 -7.4 10 -6.6 h 14 q 8 0.6 9.4 6.6 Z'), mix(wall, '#3f5a7d', 0.55)) + path(d('M', x + 11, y, 'q 1 -7.4 10 -6.6 q 3 3 2.4 6.6 Z'), mix(wall, '#cfd3d6', 0.55))
  }
  const cloth = darker(wall, 0.16)
  body += path(d('M', x - 3, floor - 46, 'h 9 q -1 20 -5 44 h -4 Z'), cloth) + path(d('M', x + 48, floor - 46, 'h -8 q 1 20 5 44 h 3 Z'), darker(cloth, 0.18))
  let rungs = ''
  for (let i = 0; i < 5; i++) rungs += d('M', x + 30, floor - 21 + i * 5, 'h 6 ')
  return body + line(d('M', x + 30, floor - 25, 'V', floor, 'M', x + 36, floor - 25, 'V', floor), '#c9a15a', 0.9) + line(rungs.trim(), '#c9a15a', 0.8)
}

const FURNITURE: readonly [RegExp, readonly Piece[]][] = [
  [/sleeping car|sleeper|couchette/, [berths, berths]],
  [/signal|lever|points\b/, [levers, stove]],
  [/kitchen|galley|pantry/, [stove, table, shelf]],
  [/bar\b|pub|caf[eé]|inn\b|shop|store|diner|counter/, [counter, bench]],
  [/bed|cabin|berth|bunk|nursery/, [bed, shelf]],
  [/office|study|library|archive|school|class/, [shelf, table, shelf]],
  [/church|chapel|temple|hall|court|museum|station/, [pillars, bench]],
  [/corridor|passage|stair|lobby|hotel/, [door, bench, door]],
  [/boat ?house|shed|workshop|garage|attic|barn|net loft|loft/, [table, shelf, bench]],
]

function pane(room: Room, scene: Scene, x: number, w: number, roll: Dice, id: string): string {
  const { light, wood, wall } = room
  const y = room.top + 9
  const h = (room.floor - room.top) * 0.5
  if (/cabin|ship|galley|submarine/.test(scene.place.words) || (/berth/.test(scene.place.words) && !/\bcar\b/.test(scene.place.words))) {
    const r = 8.6
    return oval(x + w / 2, y + h / 2, r + 2, r + 2, darker(wood, 0.4)) + oval(x + w / 2, y + h / 2, r, r, `url(#${id}s)`) +
      rect(x + w / 2 - r * 0.93, y + h / 2 + 2.6, r * 1.86, 0.7, mix(light.sky[1], '#1d3340', 0.5)) + oval(x + w / 2 - 2.6, y + h / 2 - 2.8, 2.4, 1.6, '#ffffff', ' fill-opacity="0.35"')
  }
  const hill = mix(light.sky[1], darker(light.sky[0], 0.4), 0.6)
  let body = rect(x - 1.8, y - 1.8, w + 3.6, h + 3.6, darker(wood, 0.35)) + rect(x, y, w, h, `url(#${id}s)`)
  body += path(d('M', x, y + h, 'V', y + h * 0.76, 'Q', x + w * 0.3, y + h * (0.56 + roll() * 0.1), x + w * 0.55, y + h * 0.72, 'T', x + w, y + h * 0.66, 'V', y + h, 'Z'), hill)
  body += line(d('M', x + w / 2, y, 'v', h, 'M', x, y + h * 0.45, 'h', w), darker(wood, 0.3), 1.1)
  if (roll() < 0.6) {
    const cloth = lighter(mix(wall, '#b7a48f', 0.4), 0.2)
    body += path(d('M', x - 4, y - 3, 'h', w * 0.36, 'q -1.4', h * 0.6, -w * 0.3, h + 5, 'h', -w * 0.06, 'Z'), cloth, ' fill-opacity="0.92"') +
      path(d('M', x + w + 4, y - 3, 'h', -w * 0.36, 'q 1.4', h * 0.6, w * 0.3, h + 5, 'h', w * 0.06, 'Z'), darker(cloth, 0.12), ' fill-opacity="0.92"')
  }
  return body + rect(x - 3, y + h + 1.8, w + 6, 1.6, lighter(wood, 0.1))
}

function shell(room: Room): string {
  const { l, r, top, floor, width, wall, wood } = room
  let body = rect(0, 0, width, 100, wall)
  body += path(d('M 0 0 L', l, top, 'V', floor, 'L 0 100 Z'), darker(wall, 0.26)) + path(d('M', width, 0, 'L', r, top, 'V', floor, 'L', width, 100, 'Z'), darker(wall, 0.16))
  body += path(d('M 0 0 L', l, top, 'H', r, 'L', width, 0, 'Z'), darker(wall, 0.42)) + path(d('M 0 100 L', l, floor, 'H', r, 'L', width, 100, 'Z'), darker(wood, 0.34))
  let boards = ''
  const middle = (l + r) / 2
  for (let i = -7; i <= 7; i++) {
    const x = middle + (i * (r - l)) / 14
    boards += d('M', x, floor, 'L', middle + (x - middle) * (width / (r - l)) * 1.5, 100)
  }
  body += line(boards, darker(wood, 0.55), 0.45, ' stroke-opacity="0.75"')
  body += rect(l, floor - 2.2, r - l, 2.2, darker(wood, 0.12)) + path(d('M 0 94.5 L', l, floor - 2.2, 'V', floor, 'L 0 100 Z M', width, 94.5, 'L', r, floor - 2.2, 'V', floor, 'L', width, 100, 'Z'), darker(wood, 0.3))
  for (let i = 1; i <= 3; i++) {
    const t = i / 4
    body += path(d('M', l * t * 0.98, top * t, 'H', width - (width - r) * t * 0.98, 'l -1 1.8 H', l * t * 0.98 + 1, 'Z'), darker(wood, 0.5))
  }
  return body
}

export const GROUND: Ground = { ground: 95, water: null, rail: null }

export function interior(scene: Scene, light: Light, width: number, id: string): Drawing {
  const roll = dice(scene.place.id, 'room')
  const wall = light.grade(light.dark ? darker(scene.place.colour, 0.42) : lighter(scene.place.colour, 0.08))
  const wood = light.grade(mix(darker(scene.place.colour, light.dark ? 0.5 : 0.22), '#7a5233', 0.42))
  const lean = (roll() - 0.5) * width * 0.12
  const room: Room = { l: width * 0.19 + lean, r: width * 0.81 + lean, top: 11, floor: 72, width, wall, wood, light }
  const windowLeft = roll() < 0.5
  const span = room.r - room.l
  const w = 24 + roll() * 10
  const wx = windowLeft ? room.l + span * 0.12 : room.r - span * 0.12 - w
  const pieces = FURNITURE.find(([test]) => test.test(scene.place.words))?.[1] ?? ([table, shelf, door] as const)
  let body = shell(room)
  const spots = windowLeft ? [0.62, 0.36, 0.82] : [0.1, 0.38, 0.02]
  const chosen = pieces.slice(0, 2)
  body += pictureFrame(room, room.l + span * (windowLeft ? 0.5 : 0.42), roll)
  body += pane(room, scene, wx, w, roll, id)
  chosen.forEach((piece, i) => {
    body += piece(room, room.l + span * (spots[i] ?? 0.5), roll)
  })
  const pool = light.dark ? 'M 0 0' : d('M', wx, room.floor, 'L', wx - 26, 100, 'L', wx + w + 4, 100, 'L', wx + w, room.floor, 'Z')
  if (!light.dark) body += path(pool, light.lamp, ' fill-opacity="0.17"')
  const lampX = room.l + span * (windowLeft ? 0.66 : 0.3)
  const defs = fade(`${id}s`, [[0, light.sky[0]], [0.6, light.sky[1]], [1, light.sky[2]]]) +
    glow(`${id}g`, [[0, light.lamp, light.dark ? 0.62 : 0.16], [0.5, light.lamp, light.dark ? 0.2 : 0.05], [1, light.lamp, 0]])
  body += line(d('M', lampX, 0, 'V 13'), darker(wood, 0.6), 0.5) + path(d('M', lampX - 4.4, 16.6, 'Q', lampX - 3.4, 12.4, lampX, 12.2, 'Q', lampX + 3.4, 12.4, lampX + 4.4, 16.6, 'Z'), darker(wood, 0.4)) +
    oval(lampX, 17, 1.7, 1.5, light.lamp) + oval(lampX, 30, width * 0.34, 50, `url(#${id}g)`)
  return { defs, body }
}
