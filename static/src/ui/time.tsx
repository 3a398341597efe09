/** Times: relative on screen, exact on hover. */
import { signal } from '@preact/signals'

export const now = signal(Date.now())

export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now()
  }, 10_000)
}

const STEPS: readonly [number, number, string][] = [
  [3_600, 60, 'min'],
  [86_400, 3_600, 'h'],
  [7 * 86_400, 86_400, 'd'],
]

/** "now", "40 s", "6 min", "3 h", "2 d", then the date. */
export function relative(iso: string, at: number): string {
  const then = Date.parse(iso)
  if (Number.isNaN(then)) return ''
  const seconds = Math.max(0, Math.round((at - then) / 1000))
  if (seconds < 10) return 'now'
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s`
  const step = STEPS.find(([below]) => seconds < below)
  if (step !== undefined) return `${Math.floor(seconds / step[1])} ${step[2]}`
  return new Date(then).toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: 'numeric' })
}

export function Time({ iso }: { iso: string }) {
  const short = relative(iso, now.value)
  const ago = short === 'now' || /\d{4}/.test(short) ? short : `${short} ago`
  return <time dateTime={iso} title={exact(iso)}>{ago}</time>
}

export function exact(iso: string): string {
  const date = new Date(iso)
  return Number.isNaN(date.getTime()) ? iso : date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
}
