/** The project's one socket: says hello, resumes, notices gaps and silence, and carries documents. */
import { HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { signal } from '@preact/signals'
import type { Frame } from '../types.ts'
import { splitSocket, type SplitSocket } from './split-socket.ts'

export type LiveState = 'connecting' | 'live' | 'offline' | 'refused'

export interface ChannelEvents {
  onFrame(frame: Frame): void
  /** What the page holds may have holes: take a fresh snapshot. */
  onSnapshot(reason: string): void
  onUnauthenticated(): void
  onRole(role: string): void
  /** The login of this connection ends in so many seconds. */
  onEnding(seconds: number): void
}

const BEAT = 4_000
const PATIENCE = 4_000
/** How long a socket may stay silent once the browser itself says that it is offline. */
const SHORT = 1_500
const VIEWING_EVERY = 250

export class Channel {
  readonly state = signal<LiveState>('connecting')
  /** All sessions that this page has had: the server notices late that an earlier one is gone. */
  readonly sessions = signal<ReadonlySet<string>>(new Set())
  readonly refusal = signal('')
  readonly sockets: HocuspocusProviderWebsocket
  readonly #events: ChannelEvents
  readonly #beat: ReturnType<typeof setInterval>
  #socket: SplitSocket | null = null
  #position: { epoch: string; seq: number } | null = null
  #lastLife = 0
  #asked = 0
  #renewing = false
  #viewing: readonly string[] = []
  #presence: { view: string; entity: string | null; name: string } | null = null
  #viewingTimer: ReturnType<typeof setTimeout> | undefined
  #welcomed: (() => void)[] = []
  readonly #wake = () => this.#onWake()
  readonly #doubt = () => this.#ask(Date.now() - PATIENCE + SHORT)

  constructor(project: string, events: ChannelEvents) {
    this.#events = events
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    this.sockets = new HocuspocusProviderWebsocket({
      url: `${scheme}://${location.host}/ws/projects/${encodeURIComponent(project)}`,
      WebSocketPolyfill: splitSocket({
        onSocket: (socket) => this.#onSocket(socket),
        onText: (socket, text) => this.#onText(socket, text),
        onLife: () => this.#onLife(),
        onClose: (socket, code, reason) => this.#onClose(socket, code, reason),
      }),
      delay: 500 + Math.floor(Math.random() * 700),
      minDelay: 400,
      maxDelay: 8_000,
      jitter: true,
    })
    this.#beat = setInterval(() => this.#check(), 1_000)
    globalThis.addEventListener('online', this.#wake)
    globalThis.addEventListener('offline', this.#doubt)
    document.addEventListener('visibilitychange', this.#wake)
  }

  /** Resolves at the first welcome, or after `patience` ms without one. */
  welcome(patience: number): Promise<void> {
    if (this.state.value === 'live') return Promise.resolve()
    return new Promise((done) => {
      const timer = setTimeout(done, patience)
      this.#welcomed.push(() => {
        clearTimeout(timer)
        done()
      })
    })
  }

  /** What is on screen, so that the server serves it first. Sent at most four times a second. */
  viewing(entities: readonly string[]): void {
    this.#viewing = entities
    this.#viewingTimer ??= setTimeout(() => {
      this.#viewingTimer = undefined
      this.#send({ type: 'viewing', entities: this.#viewing })
    }, VIEWING_EVERY)
  }

  present(view: string, entity: string | null, name: string): void {
    this.#presence = { view, entity, name }
    this.#send({ type: 'presence', ...this.#presence })
  }

  /**
   * There is a fresh login: knocks again after a refusal; a connection that is open goes on with the token, or where
   * the page does not know it (the cookie was renewed in another window) is made anew.
   */
  renew(token: string | null): void {
    if (this.state.value === 'live' && token !== null) {
      this.#send({ type: 'token', token })
      return
    }
    if (this.state.value === 'live') {
      this.#renewing = true
      this.#socket?.abandon()
      this.#renewing = false
    } else if (this.state.value !== 'refused') return
    this.state.value = 'connecting'
    this.sockets.shouldConnect = true
    void this.sockets.connect()
  }

  destroy(): void {
    clearInterval(this.#beat)
    clearTimeout(this.#viewingTimer)
    globalThis.removeEventListener('online', this.#wake)
    globalThis.removeEventListener('offline', this.#doubt)
    document.removeEventListener('visibilitychange', this.#wake)
    this.sockets.destroy()
  }

  #send(frame: object): void {
    if (this.state.value === 'live') this.#socket?.sendText(JSON.stringify(frame))
  }

  #onSocket(socket: SplitSocket): void {
    this.#socket = socket
    // The handshake of each document carries what was typed meanwhile; sent a second time, it would be confirmed a second time.
    Reflect.set(this.sockets, 'messageQueue', [])
    this.#lastLife = Date.now()
    this.#asked = 0
    socket.sendText(JSON.stringify({ type: 'hello', subscribe: 'all', ...(this.#position === null ? {} : { resume: this.#position }) }))
  }

  #onLife(): void {
    this.#lastLife = Date.now()
    this.#asked = 0
    // The provider counts binary messages only; a text frame is life as well.
    if (this.sockets.lastMessageReceived > 0) this.sockets.lastMessageReceived = Date.now()
  }

  #onText(socket: SplitSocket, text: string): void {
    if (socket !== this.#socket) return
    let frame: Frame
    try {
      frame = JSON.parse(text) as Frame
    } catch {
      return
    }
    if (frame.type === 'welcome') this.#onWelcome(frame)
    else if (frame.type === 'role') this.#events.onRole(String(frame['role']))
    else if (frame.type === 'token') this.#events.onEnding(Number(frame['expires_in']))
    else if (frame.type === 'resync') this.#events.onSnapshot(String(frame['reason'] ?? 'resync'))
    else if (frame.type !== 'pong') {
      this.#follow(frame)
      this.#events.onFrame(frame)
    }
  }

  #onWelcome(frame: Frame): void {
    const first = this.#position === null
    this.#position = { epoch: String(frame['epoch']), seq: frame.seq ?? 0 }
    if (typeof frame['session'] === 'string') this.sessions.value = new Set(this.sessions.peek()).add(frame['session'])
    this.#events.onRole(String(frame['role']))
    this.state.value = 'live'
    this.sockets.resolveConnectionAttempt()
    if (this.#presence !== null) this.#send({ type: 'presence', ...this.#presence })
    if (this.#viewing.length > 0) this.#send({ type: 'viewing', entities: this.#viewing })
    for (const done of this.#welcomed.splice(0)) done()
    if (!first && frame['resumed'] !== true) this.#events.onSnapshot('could not resume')
  }

  /** Durable frames form a chain; a missing link means that something was not heard. */
  #follow(frame: Frame): void {
    if (typeof frame.seq !== 'number' || this.#position === null) return
    const gap = typeof frame.prev === 'number' && frame.prev !== this.#position.seq
    this.#position.seq = Math.max(frame.seq, this.#position.seq)
    if (gap) this.#events.onSnapshot('a gap in the stream')
  }

  #onClose(socket: SplitSocket, code: number, reason: string): void {
    if (this.#socket !== null && socket !== this.#socket) return
    this.#socket = null
    if (code === 4401 || code === 4403 || code === 4404) {
      // Hocuspocus would knock again every second; these will not change by knocking.
      this.state.value = 'refused'
      this.refusal.value = reason || (code === 4404 ? 'There is no such project.' : 'You have no access to this project.')
      this.sockets.shouldConnect = false
      if (code === 4401) this.#events.onUnauthenticated()
      return
    }
    if (!this.#renewing) this.state.value = 'offline'
  }

  #onWake(): void {
    if (this.state.value !== 'offline' || document.hidden) return
    void this.sockets.connect()
  }

  /** An offline socket stalls without closing: ask, and give it up when it does not answer. */
  #check(): void {
    const now = Date.now()
    if (this.#socket === null) return
    if (this.#asked > 0 && now - this.#asked > PATIENCE) this.#socket.abandon()
    else if (this.#asked === 0 && now - this.#lastLife > BEAT) this.#ask(now)
  }

  #ask(since: number): void {
    this.#asked = since
    this.#socket?.sendText(JSON.stringify({ type: 'ping', id: String(since) }))
  }
}
