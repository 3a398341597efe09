/** Dragging a panel with mouse or pen. What follows the pointer is moved by hand: nothing is drawn anew. */
import type { RefObject } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Place } from '../../store/arrangement.ts'
import { LOOSE } from '../../store/groups.ts'

/** Pixels that a pointer moves before a press becomes a drag. */
const SLACK = 6
/** Near an edge of the view, it scrolls. */
const EDGE = 64

export interface DragPorts {
  onDrop(shot: string, place: Place): void
}

interface Spot {
  place: Place
  /** The line that shows where the panel would go: left edge, top, height. */
  line: { left: number; top: number; height: number }
}

const nextPanel = (panel: Element): string | null => panel.nextElementSibling?.getAttribute('data-panel') ?? null

function edge(of: Element, right: boolean): Spot['line'] {
  const box = of.getBoundingClientRect()
  return { left: right ? box.right + 4 : box.left - 8, top: box.top, height: box.height }
}

/** The place under a point; null where a panel cannot be put. */
function spotAt(x: number, y: number, shot: string): Spot | null {
  const at = document.elementFromPoint(x, y)
  const section = at?.closest('.storyboard [data-group]')
  const group = section?.getAttribute('data-group')
  if (at === null || section === null || section === undefined || typeof group !== 'string' || group === LOOSE) return null
  const panel = at.closest('[data-panel]')
  const panels = [...section.querySelectorAll('[data-panel]')]
  const skip = (id: string | null) => (id === shot ? nextPanel(panels.find((p) => p.getAttribute('data-panel') === shot) ?? section) : id)
  if (panel !== null) {
    const box = panel.getBoundingClientRect()
    const right = x > box.left + box.width / 2
    return { place: { group, before: skip(right ? nextPanel(panel) : panel.getAttribute('data-panel')) }, line: edge(panel, right) }
  }
  const first = panels[0]
  if (at.closest('.group-head') !== null && first !== undefined) return { place: { group, before: skip(first.getAttribute('data-panel')) }, line: edge(first, false) }
  const last = panels.at(-1)
  const tile = section.querySelector('[data-new-shot]') ?? section
  return { place: { group, before: null }, line: last === undefined ? edge(tile, false) : edge(last, true) }
}

function shown<T extends HTMLElement>(element: T, className: string): T {
  element.className = className
  element.setAttribute('aria-hidden', 'true')
  document.body.append(element)
  return element
}

function swallow(event: Event): void {
  event.preventDefault()
  event.stopPropagation()
}

/** One drag, from the press to the drop; answers how to give it up. */
function drag(start: PointerEvent, panel: HTMLElement, shot: string, ports: DragPorts): () => void {
  const scroller = panel.closest('.view')
  const look = panel.querySelector('.panel-look') ?? panel
  let ghost: HTMLElement | null = null
  let line: HTMLElement | null = null
  let spot: Spot | null = null
  let [x, y] = [start.clientX, start.clientY]
  let frame = 0

  const begin = () => {
    const box = look.getBoundingClientRect()
    ghost = shown(look.cloneNode(true) as HTMLElement, 'panel-look drag-ghost')
    ghost.style.width = `${Math.min(220, box.width)}px`
    line = shown(document.createElement('div'), 'drop-line')
    panel.dataset['dragging'] = ''
    document.documentElement.classList.add('dragging')
  }
  const follow = () => {
    frame = requestAnimationFrame(follow)
    if (scroller !== null) {
      const box = scroller.getBoundingClientRect()
      const by = y < box.top + EDGE ? y - box.top - EDGE : y > box.bottom - EDGE ? y - box.bottom + EDGE : 0
      if (by !== 0) scroller.scrollTop += by / 4
    }
    spot = spotAt(x, y, shot)
    if (ghost !== null) ghost.style.transform = `translate(${x + 10}px, ${y + 10}px)`
    if (line === null) return
    line.hidden = spot === null
    if (spot === null) return
    line.style.transform = `translate(${spot.line.left}px, ${spot.line.top}px)`
    line.style.height = `${spot.line.height}px`
  }
  const end = () => {
    cancelAnimationFrame(frame)
    ghost?.remove()
    line?.remove()
    delete panel.dataset['dragging']
    document.documentElement.classList.remove('dragging')
    for (const [name, then] of listeners) globalThis.removeEventListener(name, then as EventListener, true)
  }
  const move = (event: PointerEvent) => {
    if (event.pointerId !== start.pointerId) return
    x = event.clientX
    y = event.clientY
    if (ghost !== null) return
    if (Math.hypot(x - start.clientX, y - start.clientY) < SLACK) return
    begin()
    follow()
  }
  const up = (event: PointerEvent) => {
    if (event.pointerId !== start.pointerId) return
    const dragged = ghost !== null
    const at = dragged ? spotAt(event.clientX, event.clientY, shot) : null
    end()
    if (!dragged) return
    // The click that follows a drop opens nothing.
    globalThis.addEventListener('click', swallow, { capture: true, once: true })
    setTimeout(() => globalThis.removeEventListener('click', swallow, true), 0)
    if (at !== null) ports.onDrop(shot, at.place)
  }
  const key = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || ghost === null) return
    event.preventDefault()
    event.stopPropagation()
    end()
  }
  const listeners = [['pointermove', move], ['pointerup', up], ['pointercancel', end], ['blur', end], ['keydown', key]] as const
  for (const [name, then] of listeners) globalThis.addEventListener(name, then as EventListener, true)
  return end
}

/** Touch scrolls; for it, and for keys, there is the grab. */
export function useDrag(root: RefObject<HTMLElement | null>, ports: DragPorts | null): void {
  const latest = useRef(ports)
  latest.current = ports
  useLayoutEffect(() => {
    const at = root.current
    if (at === null) return undefined
    let stop = () => undefined as void
    const press = (event: PointerEvent) => {
      if (event.button !== 0 || event.pointerType === 'touch' || latest.current === null || !(event.target instanceof Element)) return
      const panel = event.target.closest<HTMLElement>('[data-panel]')
      const shot = panel?.dataset['panel']
      if (panel === null || shot === undefined || event.target.closest('button, [role=note], .panel-prompt') !== null) return
      stop = drag(event, panel, shot, { onDrop: (...what) => latest.current?.onDrop(...what) })
    }
    const native = (event: DragEvent) => event.preventDefault()
    at.addEventListener('pointerdown', press)
    at.addEventListener('dragstart', native)
    return () => {
      stop()
      at.removeEventListener('pointerdown', press)
      at.removeEventListener('dragstart', native)
    }
  }, [root])
}
