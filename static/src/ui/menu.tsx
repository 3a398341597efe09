/** A button that opens a small panel; Esc, a click beside it or moving on closes it. */
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

export interface MenuProps {
  label: string
  button: ComponentChildren
  buttonClass?: string
  tip?: string
  /** Becomes `data-testid` of the button. */
  hook?: string
  class?: string
  /** What has `data-close`, and every link, closes the panel when it is chosen. */
  children: ComponentChildren
}

export function Menu({ label, button, buttonClass = '', tip, hook, class: extra = '', children }: MenuProps) {
  const [open, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const close = (back: boolean) => {
    setOpen(false)
    if (back) root.current?.querySelector<HTMLElement>('button')?.focus()
  }
  useLayoutEffect(() => {
    if (!open) return
    root.current?.querySelector<HTMLElement>('.menu a, .menu button')?.focus()
    const beside = (event: Event) => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) setOpen(false)
    }
    document.addEventListener('pointerdown', beside)
    document.addEventListener('focusin', beside)
    return () => {
      document.removeEventListener('pointerdown', beside)
      document.removeEventListener('focusin', beside)
    }
  }, [open])
  const onChoose = (event: MouseEvent) => {
    if (event.target instanceof Element && event.target.closest('a, [data-close]') !== null) close(true)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Escape') close(true)
    else if (by !== undefined) {
      const all = [...(root.current?.querySelectorAll<HTMLElement>('.menu a, .menu button:not(:disabled)') ?? [])]
      const at = all.indexOf(document.activeElement as HTMLElement)
      all[(at + by + all.length) % all.length]?.focus()
    } else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <div ref={root} class={`menu-root ${extra}`} onKeyDown={onKeyDown}>
      <button type="button" class={buttonClass} aria-expanded={open} aria-label={label} data-tip={open ? undefined : tip} data-testid={hook} onClick={() => setOpen(!open)}>{button}</button>
      {open && <div class="menu" role="group" aria-label={label} onClick={onChoose}>{children}</div>}
    </div>
  )
}
