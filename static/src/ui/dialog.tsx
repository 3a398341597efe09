/** What stands in front of everything: closed by Esc, by its cross, or by a click beside it. */
import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { Icon } from './icon.tsx'

export interface DialogProps {
  title: string
  children: ComponentChildren
  class?: string
  /** Becomes `data-<name>=""` on the dialog, for tests. */
  hook?: string
  /** Only what is in it closes it: neither Esc nor a click beside it, as something would be lost. */
  stays?: boolean
  onClose(): void
}

/** Opens a modal dialog for as long as it is mounted, and gives the focus back to where it was. */
export function useModal() {
  const dialog = useRef<HTMLDialogElement>(null)
  // Before the next key comes, so that what is typed right after lands in it.
  useLayoutEffect(() => {
    const at = dialog.current
    const before = document.activeElement
    if (at !== null && !at.open) {
      at.showModal()
      // The cross comes first in reading order; what one came for is the first control.
      at.querySelector<HTMLElement>('form :is(input, select, textarea, button.primary):not(:disabled, [hidden])')?.focus()
    }
    return () => {
      at?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true })
    }
  }, [])
  return dialog
}

export function Dialog({ title, children, class: extra = '', hook, stays = false, onClose }: DialogProps) {
  const dialog = useModal()
  const id = useId()
  return (
    <dialog ref={dialog} class={extra} aria-labelledby={id} {...(hook === undefined ? {} : { [`data-${hook}`]: '' })} onClose={() => {
      if (stays) dialog.current?.showModal()
      else onClose()
    }} onCancel={(event) => {
      if (stays) event.preventDefault()
    }} onClick={(event) => {
      if (!stays && event.target === dialog.current) dialog.current?.close()
    }}>
      <div class="dialog">
        <header>
          <h2 id={id} dir="auto">{title}</h2>
          {!stays && <button type="button" class="quiet" aria-label="Close" onClick={() => dialog.current?.close()}><Icon name="x" /></button>}
        </header>
        {children}
      </div>
    </dialog>
  )
}
