/** Dragging a row of a list by its grip: where it would go, and putting it there. */
import { useEffect, useRef, useState } from 'preact/hooks'

export interface Dragged {
  id: string
  /** The place in the list without it. */
  to: number
}

/** The place that a height belongs to, among rows without the dragged one. */
export function placeAt(y: number, middles: readonly number[]): number {
  const at = middles.findIndex((middle) => y < middle)
  return at < 0 ? middles.length : at
}

export function useReorder(rowOf: string, onDrop: (id: string, to: number) => void) {
  const [dragged, setDragged] = useState<Dragged | null>(null)
  const drop = useRef(onDrop)
  drop.current = onDrop
  const stop = useRef<() => void>(() => undefined)
  useEffect(() => () => stop.current(), [])
  const start = (id: string, event: PointerEvent) => {
    const list = event.currentTarget instanceof Element ? event.currentTarget.closest('ol') : null
    if (event.button !== 0 || list === null) return
    event.preventDefault()
    let now: Dragged | null = null
    const show = (next: Dragged | null) => {
      if (next?.to !== now?.to || next?.id !== now?.id) setDragged(next)
      now = next
    }
    const move = ({ clientY }: PointerEvent) => {
      const rows = [...list.querySelectorAll<HTMLElement>(`[${rowOf}]`)].filter((row) => row.getAttribute(rowOf) !== id)
      show({ id, to: placeAt(clientY, rows.map((row) => row.getBoundingClientRect()).map((box) => box.top + box.height / 2)) })
    }
    const end = (placed: boolean) => {
      for (const [name, then] of listeners) globalThis.removeEventListener(name, then as EventListener, true)
      stop.current = () => undefined
      const at = now
      show(null)
      if (placed && at !== null) drop.current(at.id, at.to)
    }
    const key = (pressed: KeyboardEvent) => {
      if (pressed.key !== 'Escape') return
      pressed.preventDefault()
      pressed.stopPropagation()
      end(false)
    }
    const listeners = [['pointermove', move], ['pointerup', () => end(true)], ['pointercancel', () => end(false)], ['blur', () => end(false)], ['keydown', key]] as const
    for (const [name, then] of listeners) globalThis.addEventListener(name, then as EventListener, true)
    stop.current = () => end(false)
  }
  return { dragged, start }
}
