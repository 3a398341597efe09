/** Stable randomness: the same words give the same numbers, on every machine. */

/** FNV-1a over UTF-16 code units, 32 bits. */
export function hash(text: string): number {
  let h = 2166136261
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619)
  h ^= h >>> 15
  h = Math.imul(h, 2246822519)
  return (h ^ (h >>> 13)) >>> 0
}

export type Dice = () => number

/** Mulberry32 seeded by words; numbers in [0, 1). */
export function dice(...words: string[]): Dice {
  let a = hash(words.join('\u0000'))
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export function pick<T>(from: readonly [T, ...T[]], at: number): T {
  return from[Math.min(from.length - 1, Math.floor(at * from.length))] ?? from[0]
}
