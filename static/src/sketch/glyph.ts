/** Props as small drawings in a box of about twenty units around the origin. */
import { darker, lighter, mix } from './colour.ts'
import type { Light } from './light.ts'
import type { Thing } from './scene.ts'
import { escape, line, n, oval, path, rect } from './svg.ts'

type Glyph = (c: string, light: Light) => string

const brass = '#b8924a'
const RED = '#f0442e'

const GLYPHS: { [name: string]: Glyph } = {
  letter: (c) => rect(-9, -6, 18, 12, c) + path('M-9 6L-1.6-.4 0 .8 1.6-.4 9 6Z', darker(c, 0.12)) + path('M-9-6L0 1.6 9-6Z', lighter(c, 0.2)) +
    line('M-9-6L0 1.6 9-6M-9 6L-2.6-.6M9 6L2.6-.6', darker(c, 0.4), 0.5) + oval(0, 1.4, 1.9, 1.8, '#a3342c') + oval(-0.4, 1, 0.8, 0.7, '#c65a4a'),
  lamp: (c, light) => oval(0, -1, 17, 17, light.lamp, ' fill-opacity="0.2"') + oval(0, -1, 10, 10, light.lamp, ' fill-opacity="0.28"') + line('M-3.6-8.4Q0-15 3.6-8.4', darker(c, 0.4), 0.9) +
    rect(-4, -8.6, 8, 2, darker(c, 0.2)) + path('M-4.6-6.4h9.2l1 11h-11.2z', mix(light.lamp, '#fff6dc', 0.5), ' fill-opacity="0.85"') + path('M0-3.4q2.6 3.4 0 6-2.6-2.6 0-6z', '#f0913a') +
    line('M-4.6-6.4l-1 11M4.6-6.4l1 11', darker(c, 0.3), 0.9) + path('M-6.6 4.6h13.2l1 3.2h-15.2z', c) + rect(-7.8, 7.6, 15.6, 1.5, darker(c, 0.3)),
  boat: (c) => line('M1 4V-17', darker(c, 0.5), 0.9) + path('M2-16.4Q12.6-7 13 1H2Z', '#e9e0cb') + path('M0-14Q-7.4-6-8.6 1H0Z', '#d5c8ac') + path('M-17 3H18Q15 10 11 10.6H-10Q-15 9.6-17 3Z', c) +
    path('M-17 3H18l-.9 2H-16.2Z', lighter(c, 0.28)) + line('M-20 10.6q4-1.4 8 0t8 0 8 0 8 0 8 0', '#ffffff', 0.6, ' stroke-opacity="0.5"'),
  knife: (c) => path('M-3-1.6Q8-3.4 14 .4 8 2.2-3 1.8Z', c) + path('M-3 .4Q8 .4 14 .4 8 2.2-3 1.8Z', darker(c, 0.25)) + rect(-4.4, -2.6, 1.8, 5.2, darker(c, 0.5)) +
    path('M-14-1.6Q-9-2.4-4.4-1.6V2Q-9 2.8-13.6 2.2-15.4.4-14-1.6Z', '#4a3222') + oval(-11.4, 0.2, 0.6, 0.6, brass) + oval(-7.4, 0.2, 0.6, 0.6, brass),
  cup: (c) => line('M6-2.6q5.4-.6 4.4 3.4-1 3-5.4 2.6', c, 1.5) + path('M-7-5.4H7Q7 6.4 3.4 7h-6.8Q-7 6.4-7-5.4Z', c) + path('M2-5.4H7Q7 6.4 3.4 7H.4Q3 3 2-5.4Z', darker(c, 0.22)) + oval(0, -5.4, 7, 1.7, darker(c, 0.5)) +
    line('M-2.6-8.4q-1.6-2 0-3.6t0-3.4M2-8.4q-1.6-2 0-3.6t0-3.4', '#ffffff', 0.7, ' stroke-linecap="round" stroke-opacity="0.5"'),
  book: (c) => path('M-10-6.6Q-5-8.4 0-6.4 5-8.4 10-6.6V6Q5 4.4 0 6.4-5 4.4-10 6Z', '#efe6d2') + line('M0-6.4V6.4M-8-3.6q3.4-1 6 0M-8-.6q3.4-1 6 0M-8 2.4q3.4-1 6 0M2-3.6q3-1 6 0M2-.6q3-1 6 0', '#8d8371', 0.5) +
    path('M-11-5.6L-10-6.6V6Q-5 4.4 0 6.4 5 4.4 10 6V-6.6L11-5.6V7.6Q5 6 0 8-5 6-11 7.6Z', c),
  key: (c) => line('M-7-3.4a4 4 0 1 0 .1 0Z', c, 1.9) + rect(-3.4, -0.4, 15, 2, c) + path('M6.4 1.4h1.8v3.4H6.4zM9.4 1.4h2v4.4h-2z', c) + line('M-3-.2h14', lighter(c, 0.4), 0.4),
  phone: (c) => rect(-4.6, -9, 9.2, 18, darker(c, 0.35), ' rx="1.6"') + rect(-3.8, -7.2, 7.6, 13.6, mix(c, '#9fd0ff', 0.62), ' rx="0.5"') + path('M-3.8 2L3.8-5.6V6.4H-3.8Z', '#ffffff', ' fill-opacity="0.16"') + oval(0, 7.7, 0.8, 0.7, lighter(c, 0.3)),
  bag: (c) => line('M-4-4.4Q-4-10.6 0-10.6T4-4.4', darker(c, 0.35), 1.3) + path('M-9-4.6H9L10.4 8.6H-10.4Z', c) + path('M3-4.6H9L10.4 8.6H5Z', darker(c, 0.2)) + path('M-9-4.6H9L7.4 1.4H-7.4Z', darker(c, 0.14)) + rect(-1.3, -0.2, 2.6, 3, brass),
  radio: (c) => line('M6-6L11-14', '#9aa0a6', 0.7) + rect(-11, -6.4, 22, 13.6, c, ' rx="1.8"') + rect(-9.2, -4.4, 10.4, 9.6, darker(c, 0.42), ' rx="0.8"') + line('M-8.4-2.4h8.8M-8.4-.4h8.8M-8.4 1.6h8.8M-8.4 3.6h8.8', lighter(c, 0.1), 0.5) +
    rect(2.8, -4.4, 6.4, 3.2, '#e9d9a8') + line('M5.6-4.2v2.8', '#a3342c', 0.5) + oval(4.4, 2.8, 1.6, 1.6, lighter(c, 0.3)) + oval(8.2, 2.8, 1.6, 1.6, lighter(c, 0.3)),
  bottle: (c) => path('M-1.7-13h3.4v6.4Q5-4.6 5-.6V8.6Q5 10-3.4 10-5 10-5 8.6V-.6Q-5-4.6-1.7-6.6Z', c) + path('M1.7-6.6Q5-4.6 5-.6V8.6Q5 10 2 10 3.6 4 1.7-6.6Z', darker(c, 0.3)) + rect(-5, 0, 10, 5.6, '#ece3cc') + rect(-2.1, -14.6, 4.2, 2.4, '#8a6a44') + line('M-3.2-2.4V7', '#ffffff', 0.7, ' stroke-opacity="0.4" stroke-linecap="round"'),
  clock: (c) => oval(0, 0, 10, 10, c) + oval(0, 0, 8.2, 8.2, '#f3ecdb') + line('M0-7.2v1.6M0 7.2V5.6M-7.2 0h1.6M7.2 0H5.6', '#3a342c', 0.7) + line('M0 0L-4.7-2.7M0 0L3.4 1.6', '#2a2622', 0.9, ' stroke-linecap="round"') + oval(0, 0, 0.8, 0.8, '#a3342c'),
  chair: (c) => path('M-6-12h1.8V10H-6zM4.2-12H6V-1H4.2z', darker(c, 0.3)) + rect(-6, -11, 12, 2.6, c) + rect(-6, -6.6, 12, 2, c) + path('M-7-1H7L8.4 1.6H-6Z', lighter(c, 0.14)) + path('M6.2 1.6H8V11H6.4zM-4.4 1.6h1.5V8h-1.5zM3 1.6h1.4V8H3z', darker(c, 0.42)),
  telephone: (c) => line('M-3.4-9V-12M3.4-9V-12', '#6a6258', 0.8) + oval(-3.4, -12.4, 3, 3, brass) + oval(3.4, -12.4, 3, 3, darker(brass, 0.16)) + oval(0, -12.4, 0.9, 1.3, '#6a6258') + rect(-6.6, -9.8, 13.2, 19.2, c, ' rx="1"') + rect(2.8, -9.8, 3.8, 19.2, darker(c, 0.2), ' rx="1"') + line('M-5-8.2h8.2v8.6h-8.2z', darker(c, 0.3), 0.5) +
    path('M-2.8-4.6L2.2-7V-.4L-2.8-2.6Z', '#2c2a28') + oval(2.2, -3.7, 1.5, 3.5, '#22211f') + oval(2.5, -3.7, 0.8, 2.2, '#4a4741') + path('M-8 4.4H8L6.6 6.6H-6.6Z', lighter(c, 0.14)) + rect(-6.6, 6.6, 13.2, 2.8, darker(c, 0.36)) + line('M-6.6-5.6h-3', brass, 1.1) +
    path('M-11.8-8.6q2.2-1.6 3.8 0l-.6 2.6.4 7.4q.9 1 .9 2.8h-5.4q0-1.8.9-2.8l.4-7.4z', '#22211f') + line('M-10 4.2q-.6 8.4 5.4 4.6', '#22211f', 0.6),
  glove: (c) => path('M-4.6 9V.2Q-7.6-1.4-9-5.2-9.4-7.2-7.8-7.4-6.6-7.4-4.4-3.4L-4.6-10.6Q-4.4-12.2-3.1-12.2-1.9-12.2-1.7-10.8L-1.4-12.4Q-1-13.8.2-13.6 1.4-13.4 1.4-12L1.7-12.6Q2.2-13.8 3.2-13.4 4.3-13 4.2-11.6L4.4-10.6Q5-11.4 5.9-11 6.9-10.5 6.7-9.2L5.6 1 5 9Z', c) +
    line('M-1.6-10.4L-1.5-4.6M1.5-11.4L1.4-4.4M4.2-10.4L3.9-4M-4.4-3.4Q-3.6-1.4-3.8.6', darker(c, 0.4), 0.6, ' stroke-linecap="round"') + path('M-5.2 4.4Q0 5.8 5.8 4.4L5.6 9.6Q0 10.6-5.2 9.6Z', darker(c, 0.26)) + line('M-3 6.8h6.4', lighter(c, 0.4), 0.5, ' stroke-dasharray="1 .7"'),
  lever: (c) => path('M-11 9.6Q0 3.2 11 9.6Z', darker(c, 0.62)) + line('M-9 8.6Q0 3.6 9 8.6', lighter(darker(c, 0.5), 0.2), 0.6) + line('M0 7L4.6-9', darker(c, 0.3), 2.8) + line('M-.4 7L4.2-9', c, 1.8) + line('M4.4-8.4L6-14', '#d9d7d0', 2.3, ' stroke-linecap="round"') + line('M4.1-8.6L5.6-13.8', '#ffffff', 0.6, ' stroke-linecap="round" stroke-opacity="0.8"') +
    line('M6.6-8.4Q7.2-4.6 4-2.6', brass, 0.7) + oval(2.4, -1.4, 3, 3, brass) + oval(2.4, -1.4, 2.5, 2.5, '#efe6d2') + line('M1.3-2.8h2.3L2-.2', '#2a2622', 0.6),
  train: (c, light) => train(c, light),
  paper: (c) => path('M-6.6-10.2L6-11.4 7.4 8.6-5.4 9.8Z', darker(c, 0.24)) + path('M-7-10.6H5.4L7-9V9.4H-7Z', c) + path('M5.4-10.6V-9H7Z', darker(c, 0.25)) + line('M-5-8.2h6M-5-5.4h9.6M-5-3h9.6M-5-.6h7.6M-5 5.8h9.6M-5 8h6', darker(c, 0.5), 0.5) +
    `<g transform="rotate(-14 1.6 2.4)">${line('M-3.4.4h10v4h-10z', '#b3342b', 0.7)}${line('M-2 2.4h7.2', '#b3342b', 1.5, ' stroke-dasharray="1 .5"')}</g>`,
  signal: (c) => oval(0, -1, 18, 18, RED, ' fill-opacity="0.2"') + oval(0, -1, 10.5, 10.5, RED, ' fill-opacity="0.3"') + line('M-3.6-9.6Q0-15.4 3.6-9.6', darker(c, 0.4), 0.9) + path('M-3.2-11.2h6.4l1.4 2.8h-9.2z', darker(c, 0.24)) +
    path('M-5.4-8.4H5.4V4.8H-5.4Z', c) + path('M2.4-8.4H5.4V4.8H2.4Z', darker(c, 0.3)) + oval(0, -1.8, 4.7, 4.7, darker(c, 0.42)) + oval(0, -1.8, 3.9, 3.9, RED) + oval(-1.1, -2.9, 1.5, 1.4, '#ffb9a0') + path('M-6.8 4.8H6.8L7.8 8H-7.8Z', c) + rect(-7.8, 7.8, 15.6, 1.4, darker(c, 0.3)),
}

/** Five cars seen from the side, a hundred units long, standing on their wheels. */
function train(c: string, light: Light): string {
  const pane = mix(light.lamp, '#fff3cf', 0.35)
  let body = oval(0, 2, 62, 9, light.lamp, ' fill-opacity="0.14"')
  let [panes, wheels, blinds] = ['', '', '']
  for (let car = 0; car < 5; car++) {
    const x = -51 + car * 20.6
    body += path(`M${n(x)} 7.4V-3.6Q${n(x)}-5.6 ${n(x + 2)}-5.6H${n(x + 17.6)}Q${n(x + 19.6)}-5.6 ${n(x + 19.6)}-3.6V7.4Z`, c) + rect(x, 4.4, 19.6, 3, darker(c, 0.28)) + path(`M${n(x + 0.6)}-5.2Q${n(x + 9.8)}-8 ${n(x + 19)}-5.2Z`, darker(c, 0.46))
    for (let i = 0; i < 5; i++) {
      panes += `M${n(x + 1.6 + i * 3.5)}-2.6h2.4v4.6h-2.4z`
      if ((car * 5 + i) % 3 === 1) blinds += `M${n(x + 1.6 + i * 3.5)}-2.6h2.4v2.4h-2.4z`
    }
    for (const at of [3, 6, 13.4, 16.4]) wheels += `M${n(x + at - 1.2)} 8.4a1.2 1.2 0 1 0 2.4 0a1.2 1.2 0 1 0-2.4 0z`
  }
  return body + path(panes, pane) + path(blinds, mix(pane, c, 0.45)) + line('M-51 3.2H51', lighter(c, 0.4), 0.4) + path(wheels, '#17171b')
}

const other: Glyph = (c) => path('M0-9L9-4.4V5.4L0 10-9 5.4V-4.4Z', c) + path('M0 .4L9-4.4V5.4L0 10Z', darker(c, 0.3)) + path('M0 .4L-9-4.4 0-9 9-4.4Z', lighter(c, 0.2)) + line('M-4.4-6.7L4.6-2V2.4', darker(c, 0.4), 0.9)

export function glyph(thing: Thing, x: number, y: number, scale: number, light: Light, shadow = true): string {
  const draw = GLYPHS[thing.glyph] ?? other
  const under = shadow && thing.glyph !== 'boat' && thing.glyph !== 'train' ? oval(0, 9.4, 10, 1.7, '#05070c', ' fill-opacity="0.3"') : ''
  return `<g transform="translate(${n(x)} ${n(y)}) scale(${n(scale)})"><title>${escape(thing.name)}</title>${under}${draw(light.grade(thing.colour), light)}</g>`
}

const HELD = new Set(['letter', 'knife', 'cup', 'book', 'phone', 'bottle', 'key', 'glove', 'paper'])

export const canBeHeld = (thing: Thing): boolean => HELD.has(thing.glyph)
