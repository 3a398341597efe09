/** Everything of one opened project: loads it, keeps it live, lets go of it. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import * as api from '../api/endpoints.ts'
import * as contested from '../api/conflicts.ts'
import * as ruled from '../api/rules.ts'
import { Channel, type LiveState } from '../live/channel.ts'
import { Drafts } from '../live/drafts.ts'
import type { Fields, Frame, Kind, Me, Person, Project, Resolved } from '../types.ts'
import { count } from '../ui/bits.tsx'
import { away } from '../ui/reach.ts'
import { go, route } from '../ui/router.ts'
import { fail, tell } from '../ui/toasts.ts'
import { Approvals } from './approvals.ts'
import { Conflicts } from './conflicts.ts'
import { follow } from './follow.ts'
import { Following } from './following.ts'
import { Inbox } from './inbox.ts'
import { Inspection } from './inspection.ts'
import { Names } from './names.ts'
import { difference } from './overlay.ts'
import { Past } from './past.ts'
import { Refresher } from './refresher.ts'
import { Rules } from './rules.ts'
import { Runs } from './runs.ts'
import { ShotStore } from './shots.ts'
import { readSnapshot } from './snapshot.ts'
import { Waiting } from './waiting.ts'

const STATUSES = ['wip', 'review', 'approved', 'final', 'omitted']
const WELCOME_PATIENCE = 1_500

/** A login that ends this much later, in milliseconds, is another one. */
const SAME_LOGIN = 5_000

/** Why something that asks the server cannot be done; other states do not keep it from arriving. */
const AWAY: { [state in LiveState]?: string } = {
  offline: 'Offline: this waits until the connection is back.',
  refused: 'Not connected: the server refuses the connection.',
}

/** Up to so many shots, everything is fetched at once. */
const FEW = 100

export class OpenProject {
  readonly id: string
  readonly me: Me
  readonly project = signal<Project | null>(null)
  readonly kinds = signal<readonly Kind[]>([])
  readonly phase = signal<'loading' | 'ready' | 'failed'>('loading')
  readonly error = signal<unknown>(null)
  readonly people = signal<readonly Person[]>([])
  /** Every other window, one's own among them. */
  readonly others: ReadonlySignal<readonly Person[]>
  /** Every other person, once. */
  readonly company: ReadonlySignal<readonly Person[]>
  /** What one may do here; follows the server. */
  readonly role: Signal<string>
  readonly readonly: ReadonlySignal<boolean>
  /** One could change things here until a moment ago. */
  readonly demoted = signal(false)
  /** The login ends soon, in milliseconds of the clock; null while it does not. */
  readonly ending = signal<number | null>(null)
  readonly aspect: ReadonlySignal<number>
  readonly statuses: ReadonlySignal<readonly string[]>
  readonly savedAt = signal<string | null>(null)
  readonly inspection = signal<Inspection | null>(null)
  readonly shots = new ShotStore()
  readonly names = new Names()
  readonly runs = new Runs()
  readonly past = new Past((id, number) => api.readVersion(this.id, id, number))
  readonly approvals: Approvals
  readonly rules: Rules
  readonly conflicts: Conflicts
  readonly channel: Channel
  readonly drafts: Drafts
  readonly following: Following
  readonly waiting: Waiting
  readonly inbox: Inbox
  readonly #refresher: Refresher
  readonly #stop: () => void
  #snapshot = 0

  constructor(id: string, me: Me, onUnauthenticated: () => void) {
    this.id = id
    this.me = me
    this.role = signal(me.role)
    this.readonly = computed(() => this.role.value === 'viewer')
    this.inbox = new Inbox(id)
    this.approvals = new Approvals({
      read: (limit, cursor) => api.readApprovals(id, limit, cursor),
      readOne: (approval) => api.readApproval(id, approval),
      decide: (ids, decision, planHash, comment) => api.decideApprovals(id, ids, decision, planHash, comment),
      failed: fail,
    })
    this.conflicts = new Conflicts({
      read: (status, limit, cursor) => contested.readConflicts(id, status, limit, cursor),
      resolve: (conflict, choice, value) => contested.resolveConflict(id, conflict, choice, value),
      failed: fail,
    })
    this.rules = new Rules({ read: () => ruled.readRules(id), add: (rule) => ruled.addRule(id, rule), put: (rule, to) => ruled.putRule(id, rule, to), remove: (rule) => ruled.removeRule(id, rule) })
    this.channel = new Channel(id, {
      onFrame: (frame) => follow(frame, {
        draft: (asset, values) => this.#onRemoteDraft(asset, values),
        changed: (ids, asset) => this.#onChanged(ids, asset),
        newest: (asset, version) => this.names.newest(asset, version),
        approvals: () => this.approvals.stir(),
        rules: () => this.rules.stir(),
        conflict: (f) => this.#onConflict(f),
        people: (people) => (this.people.value = people),
        progress: (f) => this.runs.progress(f),
        finished: (f) => this.runs.finished(f),
        notified: (f) => this.inbox.arrived(f),
        saved: () => (this.savedAt.value = new Date().toISOString()),
        tell,
      }),
      onSnapshot: () => void this.load(),
      onUnauthenticated,
      onRole: (role) => this.#onRole(role),
      onEnding: (seconds) => void this.#onEnding(seconds),
    })
    this.drafts = new Drafts(this.channel.sockets, { name: me.user, color: me.colour }, (entity, values) => this.#onDraft(entity, values))
    this.#refresher = new Refresher({
      fetch: (ids) => api.readResolvedIds(id, ids),
      apply: (items, gone) => this.#apply(items, gone),
      failed: () => undefined,
      // Few are cheap; many are fetched by what is looked at.
      urgent: (entity) => !this.shots.isShot(entity) || this.shots.sees(entity) || this.shots.size.peek() <= FEW,
    })
    this.others = computed(() => this.people.value.filter((p) => !this.channel.sessions.value.has(p.session)))
    this.company = computed(() => [...new Map(this.others.value.filter((p) => p.user !== me.user).map((p) => [p.user, p])).values()])
    this.aspect = computed(() => readAspect(this.project.value))
    this.statuses = computed(() => readStatuses(this.project.value))
    this.following = new Following(computed(() => this.others.value.filter((p) => p.user !== me.user)), { route, go, nameOf: (entity) => this.names.of(entity) })
    this.waiting = new Waiting(this.channel.state, this.drafts.unsent, (edits) => tell('Back online.', `${count(edits, 'change that waited is', 'changes that waited are')} saved.`))
    const stops = [
      effect(() => this.#inspect(route.value.project === id ? route.value.entity : null)),
      effect(() => void (away.value = AWAY[this.channel.state.value] ?? null)),
    ]
    this.#stop = () => {
      for (const stop of stops) stop()
      away.value = null
    }
    void this.load()
  }

  kind(name: string): Kind | undefined {
    return this.kinds.value.find((k) => k.name === name)
  }

  /** What is on screen: painted, fetched and served first. */
  see(ids: readonly string[]): void {
    this.shots.see(ids)
    this.#refresher.nudge()
  }

  /** Fetches these now and takes them in; the frames that tell of them may come before or after. */
  async refresh(ids: readonly string[]): Promise<void> {
    const items = await api.readResolvedIds(this.id, ids)
    this.#apply(items, ids.filter((id) => !items.some((item) => item.id === id)))
  }

  /** Takes a fresh snapshot; what is on screen stays until it is there. */
  async load(): Promise<void> {
    const turn = ++this.#snapshot
    try {
      await this.channel.welcome(WELCOME_PATIENCE)
      // The shots matter more; the bell says what it has until then.
      void this.inbox.load().catch(() => undefined)
      const seen = new Set<string>()
      const take = (items: Resolved[]) => {
        if (turn !== this.#snapshot) return
        for (const item of items) seen.add(item.id)
        this.names.learn(items)
        this.shots.put(items, false)
      }
      await readSnapshot(this.id, take, (project, kinds) => {
        if (turn !== this.#snapshot) return
        this.project.value = project
        this.kinds.value = kinds
      })
      if (turn !== this.#snapshot) return
      this.shots.keepOnly(seen)
      this.shots.clearOverlays()
      void this.inspection.peek()?.load()
      void this.approvals.load()
      this.rules.stir()
      void this.conflicts.load()
      this.error.value = null
      this.phase.value = 'ready'
    } catch (error) {
      if (turn !== this.#snapshot) return
      if (this.phase.peek() === 'ready') return fail(error)
      this.error.value = error
      this.phase.value = 'failed'
    }
  }

  /** Logged in again, with a token that was given here or elsewhere; what could not be loaded is. */
  resume(token: string | null): void {
    this.ending.value = null
    this.channel.renew(token)
    if (this.phase.peek() === 'failed') void this.load()
  }

  /** Lets go of it; `sends`: what is unsent still goes, as soon as there is a way. */
  close(sends: boolean): void {
    this.#snapshot += 1
    this.#stop()
    this.following.close()
    this.inspection.peek()?.close()
    this.#refresher.stop()
    this.approvals.stop()
    this.conflicts.stop()
    this.runs.dismiss()
    const end = () => {
      this.waiting.close()
      this.drafts.destroy()
      this.channel.destroy()
    }
    if (!sends || this.drafts.unsent.peek() === 0) return end()
    const stop = effect(() => {
      if (this.drafts.unsent.value > 0) return
      queueMicrotask(() => {
        stop()
        end()
      })
    })
  }

  #onRole(role: string): void {
    const before = this.role.peek()
    this.role.value = role
    // The answer to a token, too: the login that was about to end is another one now.
    this.ending.value = null
    if (role !== 'viewer') this.demoted.value = false
    else if (before !== 'viewer') this.demoted.value = true
  }

  /** The cookie may be of a newer login, from another window: then nobody needs to be asked. */
  async #onEnding(seconds: number): Promise<void> {
    const at = Date.now() + seconds * 1000
    const who = await api.readMe().catch(() => null)
    const newer = who !== null && who.user === this.me.user && (who.expires_at === null || Date.parse(who.expires_at) > at + SAME_LOGIN)
    if (newer) this.channel.renew(null)
    else this.ending.value = at
  }

  #apply(items: readonly Resolved[], gone: readonly string[]): void {
    // A new name is no reason for a run to touch a shot, but its chips and tags show it.
    const renamed = items.filter((item) => this.names.get(item.id)?.name !== item.name).flatMap((item) => this.shots.usersOf(item.id))
    this.names.learn(items)
    this.names.forget(gone)
    this.shots.put(items.filter(isPictured))
    this.shots.remove(gone)
    this.#refresher.want(renamed.filter((user) => !items.some((item) => item.id === user)))
  }

  #inspect(id: string | null): void {
    const before = this.inspection.peek()
    if (before?.id === id) return
    if (before !== null) {
      before.close()
      this.drafts.release(before.draft)
    }
    this.inspection.value = id === null ? null : new Inspection(this.id, this.drafts.open(id), (i) => this.#onBase(i), () => [this.shots.groups.peek(), this.shots.usage(id).total])
  }

  /** An edit in an opened document, one's own or another's: shown in every panel that follows it. */
  #onDraft(id: string, values: Fields): void {
    const open = this.inspection.peek()
    const entity = open?.id === id ? open.entity.peek() : null
    if (entity !== null) this.shots.overlay(id, difference(values, entity.fields))
  }

  /** The published base moved; the preview goes once the panels have caught up with it. */
  #onBase(open: Inspection): void {
    this.#refresher.whenIdle(() => {
      if (this.inspection.peek() !== open || !open.draft.synced.peek()) return
      this.shots.overlay(open.id, open.ahead.peek())
    })
  }

  /** Whoever it is about is told of what waits for a choice. */
  #onConflict(frame: Frame): void {
    this.conflicts.stir()
    const mine = Array.isArray(frame['affected_users']) && frame['affected_users'].includes(this.me.user)
    if (frame.type !== 'conflict_detected' || !mine || route.peek().view === 'conflicts') return
    tell('Two changes met that cannot both stand.', 'Both are kept until somebody chooses.', { words: 'Look', run: () => go({ view: 'conflicts' }) })
  }

  #onRemoteDraft(asset: string, values: Fields): void {
    const open = this.inspection.peek()
    if (open?.id === asset && open.draft.synced.peek()) return
    this.shots.mergeOverlay(asset, values)
  }

  #onChanged(ids: readonly string[], asset: string | null): void {
    const fresh = ids.filter((id) => id === asset || this.shots.has(id) || this.names.get(id) === undefined)
    this.#refresher.want(fresh)
    const open = this.inspection.peek()
    if (open?.concerns(new Set(ids)) === true) void open.load()
    if (asset === null || open?.id === asset) return
    const generation = this.shots.generation(asset)
    this.#refresher.whenIdle(() => {
      if (this.shots.generation(asset) === generation) this.shots.overlay(asset, {})
    })
  }
}

const isPictured = (item: Resolved) => item.kind === 'shot' || item.kind === 'sequence' || item.kind === 'scene'

function readAspect(project: Project | null): number {
  const settings = project?.settings ?? {}
  const value = settings['aspect_ratio'] ?? settings['aspect']
  const text = typeof value === 'string' ? value : ''
  const [w, h] = text.split(':').map(Number)
  const ratio = typeof value === 'number' ? value : (w ?? 0) / (h ?? 1)
  return Number.isFinite(ratio) && ratio >= 0.5 && ratio <= 4 ? ratio : 2.39
}

function readStatuses(project: Project | null): readonly string[] {
  const value = project?.settings?.['statuses']
  if (!Array.isArray(value)) return STATUSES
  const names = value.flatMap((v) => (typeof v === 'string' ? [v] : typeof v === 'object' && v !== null && !Array.isArray(v) && typeof v['name'] === 'string' ? [v['name']] : []))
  return names.length > 0 ? names : STATUSES
}

/** Opens an entity in the inspector, or closes it. */
export const inspect = (entity: string | null) => go({ entity })
