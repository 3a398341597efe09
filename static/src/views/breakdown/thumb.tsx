/** A shot at the size of a stamp: its uploaded picture, else its sketch, drawn once nothing moves. */
import { useComputed } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { sketch } from '../../sketch/index.ts'
import type { Panel } from '../../store/shots.ts'
import type { Resolved } from '../../types.ts'

/** Long enough that a wheel's or a key's next step falls into it. */
const REST = 120
const KEEP = 500
/** Milliseconds of a frame for drawing: forty at once would be a pause that one sees. */
const BUDGET = 4

const waiting = new Set<() => void>()

function drawSome(): void {
  const until = performance.now() + BUDGET
  for (const draw of waiting) {
    waiting.delete(draw)
    draw()
    if (performance.now() > until) break
  }
  if (waiting.size > 0) requestAnimationFrame(drawSome)
}

function drawSoon(draw: () => void): () => void {
  if (waiting.size === 0) requestAnimationFrame(drawSome)
  waiting.add(draw)
  return () => waiting.delete(draw)
}

const drawn = new Map<string, string>()

/** An image and no elements of the page: forty sketches in a table are ten thousand of them. */
function urlOf(shot: Resolved, aspect: number): string {
  const key = `${shot.id}\u0000${shot.visual_hash}\u0000${aspect}`
  const known = drawn.get(key)
  if (known !== undefined) return known
  const url = URL.createObjectURL(new Blob([sketch(shot, { aspect, place: 'row' })], { type: 'image/svg+xml' }))
  if (drawn.size >= KEEP) {
    const [oldest, gone] = drawn.entries().next().value ?? ['', '']
    drawn.delete(oldest)
    URL.revokeObjectURL(gone)
  }
  drawn.set(key, url)
  return url
}

function uploaded({ picture }: Resolved): string | null {
  return picture?.thumbnails['320'] ?? picture?.url ?? null
}

export function Thumb({ cell, aspect }: { cell: ReadonlySignal<Panel>; aspect: number }) {
  const base = useComputed(() => cell.value.base)
  const shot = base.value
  const picture = uploaded(shot)
  const [url, setUrl] = useState<string | null>(null)
  useEffect(() => {
    if (picture !== null) return setUrl(picture)
    let stop = () => {}
    const timer = setTimeout(() => {
      stop = drawSoon(() => setUrl(urlOf(shot, aspect)))
    }, REST)
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [picture, shot, aspect])
  return <span class="thumb" style={{ aspectRatio: String(aspect) }}>{url !== null && <img src={url} alt="" decoding="async" draggable={false} />}</span>
}
