/** The inspector's frame: its width, its way back, and what stands at its top. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '../../ui/icon.tsx'
import { INSPECTOR, inspectorWidth, withinInspector } from '../../ui/preferences.ts'

const STEP = 20

const to = (next: number) => {
  inspectorWidth.value = withinInspector(next)
}

function onPointerDown(event: PointerEvent & { currentTarget: HTMLElement }): void {
  const edge = event.currentTarget
  const [x, before] = [event.clientX, inspectorWidth.peek()]
  edge.setPointerCapture(event.pointerId)
  const onMove = (move: PointerEvent) => to(before + x - move.clientX)
  const onUp = () => {
    edge.removeEventListener('pointermove', onMove)
    edge.removeEventListener('pointerup', onUp)
    edge.removeEventListener('pointercancel', onUp)
  }
  edge.addEventListener('pointermove', onMove)
  edge.addEventListener('pointerup', onUp)
  edge.addEventListener('pointercancel', onUp)
}

/** Dragged, or moved with the arrow keys; a double click gives the usual width back. */
function Edge() {
  const width = inspectorWidth.value
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowLeft') to(width + STEP)
    else if (event.key === 'ArrowRight') to(width - STEP)
    else if (event.key === 'Home') to(INSPECTOR.least)
    else if (event.key === 'End') to(INSPECTOR.most)
    else return
    event.preventDefault()
  }
  return (
    <div class="inspector-edge" role="separator" aria-orientation="vertical" aria-label="Width of the inspector" tabIndex={0}
      aria-valuemin={INSPECTOR.least} aria-valuemax={INSPECTOR.most} aria-valuenow={width} data-testid="inspector-edge"
      onPointerDown={onPointerDown} onKeyDown={onKeyDown} onDblClick={() => to(INSPECTOR.usual)} />
  )
}

export function Frame({ id, hash, title, onClose, children }: { id: string; hash?: string | undefined; title: ComponentChildren; onClose(): void; children: ComponentChildren }) {
  const aside = useRef<HTMLElement>(null)
  useEffect(() => {
    aside.current?.scrollTo(0, 0)
  }, [id])
  return (
    <aside class="inspector-frame" aria-label="Inspector" data-inspector={id} data-hash={hash}>
      <Edge />
      <section ref={aside} class="inspector" tabIndex={-1} aria-label="What is open">
        <header class="inspector-head">
          <button type="button" class="quiet inspector-back" onClick={onClose}><Icon name="arrow-left" size={14} />Back</button>
          {title}
          <button type="button" class="quiet inspector-close" aria-label="Close the inspector" data-tip="Close (Esc)" onClick={onClose}><Icon name="x" /></button>
        </header>
        {children}
      </section>
    </aside>
  )
}
