/**
 * A WebSocket that takes text frames out before Hocuspocus sees them: one text frame would make its
 * provider throw. Hand the class that `splitSocket` returns over as `WebSocketPolyfill`.
 */
export interface SplitSocket extends EventTarget {
  sendText(text: string): void
  /** Gives up a socket that stalls: its listeners hear `close` now, not when the network notices. */
  abandon(): void
}

export interface SplitEvents {
  onSocket(socket: SplitSocket): void
  onText(socket: SplitSocket, text: string): void
  /** Any message at all: a sign of life. */
  onLife(): void
  onClose(socket: SplitSocket, code: number, reason: string): void
}

export function splitSocket(events: SplitEvents) {
  return class Split extends EventTarget implements SplitSocket {
    readonly #inner: WebSocket
    #closed = false
    identifier = 0

    constructor(url: string) {
      super()
      this.#inner = new WebSocket(url)
      this.#inner.addEventListener('open', () => {
        if (this.#closed) return
        events.onSocket(this)
        this.dispatchEvent(new Event('open'))
      })
      this.#inner.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
        if (this.#closed) return
        events.onLife()
        if (typeof data === 'string') events.onText(this, data)
        else this.dispatchEvent(new MessageEvent('message', { data }))
      })
      this.#inner.addEventListener('error', () => this.dispatchEvent(new Event('error')))
      this.#inner.addEventListener('close', (event) => this.#finish(event.code, event.reason))
    }

    get binaryType(): BinaryType {
      return this.#inner.binaryType
    }

    set binaryType(type: BinaryType) {
      this.#inner.binaryType = type
    }

    get readyState(): number {
      return this.#closed ? WebSocket.CLOSED : this.#inner.readyState
    }

    send(data: Uint8Array<ArrayBuffer>): void {
      if (this.readyState === WebSocket.OPEN) this.#inner.send(data)
    }

    sendText(text: string): void {
      if (this.readyState === WebSocket.OPEN) this.#inner.send(text)
    }

    close(): void {
      this.#inner.close()
    }

    abandon(): void {
      this.#inner.close()
      this.#finish(4408, 'no sign of life')
    }

    #finish(code: number, reason: string): void {
      if (this.#closed) return
      this.#closed = true
      events.onClose(this, code, reason)
      this.dispatchEvent(new CloseEvent('close', { code, reason }))
    }
  }
}
