/** Whether what is asked of the server would get there. While not, what needs it cannot be used and says why. */
import { effect, signal } from '@preact/signals'
import { tell } from './toasts.ts'

/** Why not, in words; null while it would. Edits of a draft do not need to ask: they wait here and are sent. */
export const away = signal<string | null>(null)

/** For a control that asks the server; `not`: it cannot be used for another reason anyway. */
export function needsServer(not = false): { disabled: boolean; 'data-tip'?: string; 'data-away'?: '' } {
  const why = away.value
  return why === null || not ? { disabled: not } : { disabled: true, 'data-tip': why, 'data-away': '' }
}

/** For what is done by key, by dragging or by pasting: says why it cannot be done now. */
export function reaches(): boolean {
  const why = away.peek()
  if (why !== null) tell(why)
  return why === null
}

/** Now, or once there is a line again: for what somebody was typing when it was lost. */
export function whenReached(what: () => void): void {
  if (away.peek() === null) return what()
  const stop = effect(() => {
    if (away.value !== null) return
    queueMicrotask(() => {
      stop()
      what()
    })
  })
}
