/** What the inspector sends to the server, and what is said about it. */
import * as api from '../../api/endpoints.ts'
import type { Inspection } from '../../store/inspection.ts'
import type { OpenProject } from '../../store/open-project.ts'
import { sentence } from '../../store/runs.ts'
import type { Answer, Fields, Picture, Policy, ResolvedRef, Version } from '../../types.ts'
import { away, whenReached } from '../../ui/reach.ts'
import { go } from '../../ui/router.ts'
import { fail, tell } from '../../ui/toasts.ts'
import { type Forecast, isWide, type Known, reachesMany, WIDE } from './forecast.ts'
import type { NamedField } from './history.tsx'

export type Asked = { what: 'roll back'; number: number; field?: NamedField } | { what: 'impact'; forecast: Forecast | null } | { what: 'restore'; version: Version }

const PATIENCE = 3_000

const NOTHING: Forecast = { counts: {}, outcomes: [] }

/** The edit travels by socket and the request by HTTP: wait until the first has arrived. */
async function saved(open: Inspection): Promise<void> {
  const until = Date.now() + PATIENCE
  while (open.draft.unsent.peek() > 0 && Date.now() < until) await new Promise((done) => setTimeout(done, 25))
}

/** The bottom line tells of a run that touched something; what needs a word besides gets one here. */
function report(answer: Answer, verb: string, name: string): void {
  if (answer.version === null || answer.version === undefined) return
  if (answer.status === 'success' && answer.affected_entities > 0) return
  const words = sentence(answer.counts ?? {})
  tell(`${name} v${/v(\d+)$/.exec(answer.version)?.[1] ?? ''} ${verb}${words === '' ? '.' : `: ${words}.`}`, answer.status === 'accepted' ? 'The run goes on; the line below shows how far it is.' : '')
}

export const forecastOf = (a: { counts?: Forecast['counts']; outcomes?: Forecast['outcomes']; plan_hash?: string }): Forecast => ({ counts: a.counts ?? {}, outcomes: a.outcomes ?? [], ...(a.plan_hash === undefined ? {} : { plan: a.plan_hash }) })

export interface Actions {
  name(name: string): void
  /** Answers whether it was done. */
  status(status: string): Promise<boolean>
  /** Asks first where it reaches many, or something final. */
  publish(): Promise<void>
  proseLeft(): void
  /** What publishing would do; null where the draft is not ahead. */
  forecast(): Promise<Forecast | null>
  impact(): void
  rollBack(version: Version): void
  /** One field of what is open, back to what a version had there. */
  takeBack(number: number, field: NamedField): void
  look(version: Version): void
  /** The whole project, as it was when this version was made. */
  restoreProject(version: Version): void
  approve(version: Version): void
  older(): void
  upload(file: Blob): Promise<void>
  deletePicture(picture: Picture): void
  references: {
    policy(reference: ResolvedRef, policy: Policy, version?: number): void
    overrides(reference: ResolvedRef, overrides: Fields): void
    approve(reference: ResolvedRef, version: number): void
    remove(reference: ResolvedRef): void
    add(source: string): void
  }
  published(plan?: string): Promise<void>
  rolledBack(number: number, reason: string, field?: NamedField): Promise<void>
}

export interface ActionPorts {
  known: Known
  /** Whether texts are published as they are left. */
  automatic(): boolean
  ask(asked: Asked): void
  publishing(is: boolean): void
}

export function actionsOf(project: OpenProject, open: Inspection, { known, automatic, ask, publishing }: ActionPorts): Actions {
  const pid = project.id
  const nameOf = (id: string) => project.names.get(id)?.name ?? id
  const attempt = async (action: () => Promise<unknown>): Promise<boolean> => {
    let done = true
    try {
      await action()
    } catch (error) {
      fail(error)
      done = false
    }
    void open.load()
    return done
  }
  const isAhead = () => Object.keys(open.ahead.peek()).length > 0
  const forecast = async () => {
    await saved(open)
    return isAhead() ? forecastOf(await api.readPublication(pid, open.id)) : null
  }
  let busy = false
  let asks = false
  /** By itself only what does not reach many: what is final waits for approval anyway. Whoever presses the button is asked. */
  const publish = async (pressed: boolean) => {
    asks ||= pressed
    if (pressed) publishing(true)
    if (busy) return
    busy = true
    await attempt(async () => {
      await saved(open)
      if (!isAhead()) return
      // What too few shots use reaches few: nothing has to be worked out before it goes.
      const found = asks || project.shots.usage(open.id).total > WIDE ? await forecast() : NOTHING
      if (found === null) return
      if (asks && isWide(found, known)) ask({ what: 'impact', forecast: found })
      else if (asks || !reachesMany(found, known)) report(await api.publish(pid, open.id), 'published', nameOf(open.id))
    })
    busy = false
    asks = false
    publishing(false)
  }
  return {
    name: (name) => {
      if (name.trim() !== '' && name.trim() !== open.entity.peek()?.name) whenReached(() => void attempt(() => api.patchEntity(pid, open.id, { name: name.trim() })))
    },
    status: (status) => attempt(() => api.patchEntity(pid, open.id, { status })),
    publish: () => publish(true),
    // Only when what was left is really ahead; the blur of a look is no publication. Without a line it is published when it has rested.
    // Nor is the way to the button: that asks. The focus arrives there right after the text has lost it.
    proseLeft: () => void setTimeout(() => {
      const pressing = document.activeElement?.closest('[data-draft-ahead]') != null
      if (automatic() && !pressing && away.peek() === null && isAhead()) void publish(false)
    }),
    forecast,
    impact: () => ask({ what: 'impact', forecast: null }),
    rollBack: (version) => ask({ what: 'roll back', number: version.number }),
    takeBack: (number, field) => ask({ what: 'roll back', number, field }),
    restoreProject: (version) => ask({ what: 'restore', version }),
    look: (version) => go({ version: version.number }),
    approve: (version) => void attempt(async () => {
      await api.approve(pid, open.id, version.number)
      tell(`v${version.number} is approved.`, 'References that follow approved move to it.')
    }),
    older: () => void open.loadOlder().catch(fail),
    upload: async (file) => {
      try {
        await api.uploadPicture(pid, open.id, file)
        tell('The picture is kept.', 'It is marked stale when what it shows changes.')
      } catch (error) {
        fail(error)
      }
      await open.loadPictures()
    },
    deletePicture: (picture) => void attempt(() => api.deletePicture(pid, open.id, picture.id)),
    references: {
      policy: (r, policy, version) => void attempt(() => api.patchReference(pid, r.id, version === undefined ? { policy } : { policy, version })),
      overrides: (r, overrides) => void attempt(() => api.patchReference(pid, r.id, { overrides })),
      approve: (r, version) => void attempt(async () => {
        await api.approve(pid, r.source, version)
        tell(`${r.name} v${version} is approved.`, 'Every reference that follows approved moves to it.')
      }),
      remove: (r) => void attempt(async () => {
        await api.deleteReference(pid, r.id)
        tell(`${nameOf(open.id)} is no longer built on ${r.name}.`)
      }),
      add: (source) => void attempt(() => api.createReference(pid, source, open.id)),
    },
    published: async (plan) => report(await api.publish(pid, open.id, plan), 'published', nameOf(open.id)),
    rolledBack: async (number, reason, field) => {
      const again = field === undefined ? `is v${number} again` : `has ${field.label} of v${number} again`
      report(await api.rollback(pid, open.id, number, reason, false, field?.name), again, nameOf(open.id))
      go({ version: null })
      void open.load()
    },
  }
}
