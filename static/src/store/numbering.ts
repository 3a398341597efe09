/** Shot numbers as people give them: in tens, so that there is room between; letters where there is none. */
import { natural } from './seats.ts'

interface Numbered {
  prefix: string
  digits: string
  suffix: string
}

function parse(id: string): Numbered | null {
  const found = /^(.*?)(\d{1,9})([A-Za-z]?)$/su.exec(id)
  return found === null ? null : { prefix: found[1] ?? '', digits: found[2] ?? '', suffix: found[3] ?? '' }
}

/** The usual distance: ten or five where most numbers are such, else one. */
function stepOf(numbers: readonly number[]): number {
  return [10, 5].find((step) => numbers.filter((n) => n % step === 0).length * 2 > numbers.length) ?? 1
}

/** Between two numbers, the roundest that is about in the middle. */
function middle(low: number, high: number): number {
  const half = Math.floor((low + high) / 2)
  return [100, 50, 10, 5].map((round) => Math.round(half / round) * round).find((n) => n > low && n < high && Math.abs(n - half) <= (high - low) / 4) ?? half
}

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']

/**
 * An id for a new shot behind `before` that nobody has: sh010, sh020 → sh030 at the end, sh015
 * between them, sh010A where no number is left. `siblings` are those of its group.
 */
export function nextId(before: string | null, siblings: readonly string[], taken: ReadonlySet<string>): string {
  const model = before ?? siblings.at(-1) ?? [...taken].toSorted(natural.compare).at(-1) ?? null
  const last = model === null ? null : parse(model)
  if (last === null) return free(model === null ? 'sh010' : `${model}-`, taken)
  const numbersOf = (ids: Iterable<string>) => [...ids].flatMap((id) => {
    const one = parse(id)
    return one !== null && one.prefix === last.prefix && one.suffix === '' ? [Number(one.digits)] : []
  })
  const low = Number(last.digits)
  const high = Math.min(...numbersOf(taken).filter((n) => n > low))
  const step = stepOf(numbersOf([...siblings, ...(siblings.length < 3 ? taken : [])]))
  const stepped = (Math.floor(low / step) + 1) * step
  const number = stepped < high ? stepped : high - low >= 2 ? middle(low, high) : null
  const id = number === null ? null : `${last.prefix}${String(number).padStart(last.digits.length, '0')}`
  if (id !== null && !taken.has(id)) return id
  const from = LETTERS.indexOf(last.suffix.toUpperCase()) + 1
  const letter = LETTERS.slice(from).find((one) => !taken.has(`${last.prefix}${last.digits}${one}`))
  return letter === undefined ? free(`${model}-`, taken) : `${last.prefix}${last.digits}${letter}`
}

function free(stem: string, taken: ReadonlySet<string>): string {
  if (!stem.endsWith('-') && !taken.has(stem)) return stem
  for (let n = 2; ; n++) if (!taken.has(`${stem}${n}`)) return `${stem}${n}`
}
