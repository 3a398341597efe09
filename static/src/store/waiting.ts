/** Edits that waited while the connection was gone: until the server has confirmed every one. */
import { effect, type ReadonlySignal, signal } from '@preact/signals'
import type { LiveState } from '../live/channel.ts'

export class Waiting {
  /** Since the connection was lost with edits waiting, until nothing waits any more. */
  readonly behind = signal(false)
  readonly #stop: () => void
  #most = 0

  constructor(state: ReadonlySignal<LiveState>, unsent: ReadonlySignal<number>, sent: (edits: number) => void) {
    this.#stop = effect(() => {
      const [now, count] = [state.value, unsent.value]
      if (now === 'offline' && count > 0) this.behind.value = true
      if (!this.behind.peek()) return
      this.#most = Math.max(this.#most, count)
      if (now !== 'live' || count > 0) return
      const most = this.#most
      this.#most = 0
      this.behind.value = false
      sent(most)
    })
  }

  close(): void {
    this.#stop()
  }
}
