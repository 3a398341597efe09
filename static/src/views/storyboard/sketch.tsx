/** A picture on the page: three drawings over each other, redrawn by hand. */
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { editsBetween } from '../../sketch/edits.ts'
import { type Picture, picture } from '../../sketch/index.ts'
import type { Resolved } from '../../types.ts'

export interface SketchProps {
  shot: Resolved
  aspect: number
  /** Keeps the same shot's drawings apart where it is shown twice. */
  place?: string
}

export function Sketch({ shot, aspect, place = '' }: SketchProps) {
  const element = useRef<HTMLDivElement>(null)
  const drawn = useRef<Picture | null>(null)
  useLayoutEffect(() => {
    const next = picture(shot, { aspect, place }, drawn.current)
    if (element.current !== null && next !== drawn.current) draw(element.current, drawn.current, next)
    drawn.current = next
  }, [shot, aspect, place])
  // The same elements every time: what is in them is none of the renderer's business.
  return useMemo(() => (
    <div ref={element} class="sketch" role="img" style={{ aspectRatio: String(aspect) }}>
      <svg preserveAspectRatio="xMidYMid slice" aria-hidden="true" />
      <svg preserveAspectRatio="xMidYMid slice" aria-hidden="true" data-cast="" />
      <svg preserveAspectRatio="xMidYMid slice" aria-hidden="true" />
    </div>
  ), [aspect])
}

function draw(element: HTMLElement, before: Picture | null, after: Picture): void {
  if (before?.label !== after.label) element.setAttribute('aria-label', after.label)
  const [back, cast, finish] = element.children
  for (const [layer, was, is] of [[back, before?.back, after.back], [cast, before?.cast, after.cast], [finish, before?.finish, after.finish]] as const) {
    if (layer === undefined || was === is) continue
    if (before?.width !== after.width) layer.setAttribute('viewBox', `0 0 ${after.width} 100`)
    const edits = was === undefined ? null : editsBetween(was, is)
    if (edits === null) layer.innerHTML = is
    else {
      const elements = layer.querySelectorAll('*')
      for (const { element: at, name, value } of edits) elements[at]?.setAttribute(name, value)
    }
  }
}
