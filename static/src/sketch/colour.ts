/** Colours as `#rrggbb`: mixing, shading, and the grade that light and style put over a picture. */

export type Rgb = readonly [number, number, number]

const HEX = /^#[0-9a-f]{6}$/i

/** The shape of a colour for the type checker: any other text stays a text. */
export type Hex = `#${string}`

export function isColour(value: unknown): value is Hex {
  return typeof value === 'string' && HEX.test(value)
}

export function rgb(colour: string): Rgb {
  const n = Number.parseInt(colour.slice(1), 16)
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255]
}

const part = (v: number) => Math.max(0, Math.min(255, Math.round(v))).toString(16).padStart(2, '0')

export function hex([r, g, b]: Rgb): string {
  return `#${part(r)}${part(g)}${part(b)}`
}

/** From `a` (t = 0) to `b` (t = 1). */
export function mix(a: string, b: string, t: number): string {
  const [x, y] = [rgb(a), rgb(b)]
  return hex([x[0] + (y[0] - x[0]) * t, x[1] + (y[1] - x[1]) * t, x[2] + (y[2] - x[2]) * t])
}

export const darker = (colour: string, t: number) => mix(colour, '#0a0c12', t)
export const lighter = (colour: string, t: number) => mix(colour, '#fffaf0', t)

/** Relative luminance of WCAG 2, 0 to 1. */
export function luminance(colour: string): number {
  const [r, g, b] = rgb(colour).map((v) => {
    const s = v / 255
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** Black or white, whichever reads better on the colour. */
export function inkOn(colour: string): string {
  const l = luminance(isColour(colour) ? colour : '#808080')
  return 1.05 / (l + 0.05) >= (l + 0.05) / 0.05 ? '#ffffff' : '#000000'
}

export type Grade = (colour: string) => string

/**
 * The grade of a picture: ambient light multiplies, a style's tint multiplies on top, and both lift
 * the blacks a little so that nothing drowns.
 */
export function grade(light: string, strength: number, tint: string | null): Grade {
  const [l, t] = [rgb(light), rgb(tint ?? '#ffffff')]
  const amount = tint === null ? 0 : 0.3
  const through = (v: number, i: 0 | 1 | 2) => {
    const lit = v * (1 - strength) + ((v * l[i]) / 255) * strength
    const inked = lit * (1 - amount) + ((lit * t[i]) / 255) * amount
    return inked * 0.965 + (l[i] * strength * 0.035 + t[i] * amount * 0.06)
  }
  return (colour) => {
    const c = rgb(colour)
    return hex([through(c[0], 0), through(c[1], 1), through(c[2], 2)])
  }
}

/** A colour's everyday name, for screen readers and for words next to a swatch. */
export function colourName(colour: string): string {
  if (!isColour(colour)) return colour
  const [r, g, b] = rgb(colour)
  const max = Math.max(r, g, b)
  const min = Math.min(r, g, b)
  const l = (max + min) / 510
  const d = max - min
  if (d < 18) return l < 0.12 ? 'black' : l > 0.92 ? 'white' : l < 0.4 ? 'dark grey' : l > 0.7 ? 'light grey' : 'grey'
  const turn = max === r ? ((g - b) / d + 6) % 6 : max === g ? (b - r) / d + 2 : (r - g) / d + 4
  const h = turn * 60
  const s = d / (255 * (1 - Math.abs(2 * l - 1)) || 1)
  const names: readonly [number, string][] = [[14, 'red'], [40, 'orange'], [66, 'yellow'], [88, 'lime'], [160, 'green'],
    [196, 'teal'], [248, 'blue'], [288, 'violet'], [334, 'pink'], [361, 'red']]
  let base = names.find(([to]) => h < to)?.[1] ?? 'red'
  if ((base === 'orange' || base === 'red') && l < 0.36 && s < 0.75) base = 'brown'
  else if (base === 'orange' && s < 0.45) base = 'tan'
  else if (base === 'yellow' && l < 0.42 && s < 0.7) base = 'olive'
  else if (base === 'blue' && l < 0.3) return 'navy'
  if (l < 0.3 && base !== 'brown') return `dark ${base}`
  return l > 0.72 ? `pale ${base}` : s < 0.28 ? `muted ${base}` : base
}
