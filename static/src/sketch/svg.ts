/**
 * The few words of SVG the sketch is written in. Numbers keep two decimals, so bytes are stable. Translucent shapes
 * say `fill-opacity` or `stroke-opacity`: with a plain `opacity` each would be an effect of its own to the browser,
 * and a wall of panels with thousands of effects takes longer to sort in layers than to paint.
 */

export function n(value: number): string {
  return String(Math.round(value * 100) / 100)
}

type Part = string | number

/** `d("M", 1, 2, "L", …)`: a path's data with rounded numbers. */
export function d(...parts: Part[]): string {
  let data = ''
  for (const part of parts) data += `${data === '' ? '' : ' '}${typeof part === 'number' ? n(part) : part}`
  return data
}

export function path(data: string, fill: string, more = ''): string {
  return `<path d="${data}" fill="${fill}"${more}/>`
}

export function line(data: string, stroke: string, width: number, more = ''): string {
  return `<path d="${data}" fill="none" stroke="${stroke}" stroke-width="${n(width)}"${more}/>`
}

export function rect(x: number, y: number, w: number, h: number, fill: string, more = ''): string {
  return `<rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}" fill="${fill}"${more}/>`
}

export function oval(x: number, y: number, rx: number, ry: number, fill: string, more = ''): string {
  return `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(rx)}" ry="${n(ry)}" fill="${fill}"${more}/>`
}

export function fade(id: string, stops: readonly [number, string, number?][], vertical = true): string {
  const to = vertical ? 'x2="0" y2="1"' : 'x2="1" y2="0"'
  return `<linearGradient id="${id}" x1="0" y1="0" ${to}>${stopsOf(stops)}</linearGradient>`
}

export function glow(id: string, stops: readonly [number, string, number?][]): string {
  return `<radialGradient id="${id}">${stopsOf(stops)}</radialGradient>`
}

function stopsOf(stops: readonly [number, string, number?][]): string {
  return stops
    .map(([at, colour, opacity]) =>
      `<stop offset="${n(at)}" stop-color="${colour}"${opacity === undefined ? '' : ` stop-opacity="${n(opacity)}"`}/>`)
    .join('')
}

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}
