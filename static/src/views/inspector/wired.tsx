/** The inspector with its actions: what is sent to the server, and what is said about it. */
import { useCallback, useState } from 'preact/hooks'
import * as api from '../../api/endpoints.ts'
import type { Inspection } from '../../store/inspection.ts'
import type { OpenProject } from '../../store/open-project.ts'
import { inspect } from '../../store/open-project.ts'
import { sentence } from '../../store/runs.ts'
import type { Answer, FieldSpec, Policy, ResolvedRef, Version } from '../../types.ts'
import { hrefOf } from '../../ui/router.ts'
import { fail, tell } from '../../ui/toasts.ts'
import { type Forecast, ForecastDialog, LookDialog } from './dialogs.tsx'
import { Inspector } from './inspector.tsx'

type Asked = { what: 'look'; version: Version; specs: readonly FieldSpec[] } | { what: 'roll back'; version: Version } | { what: 'impact' }

/** The edit travels by socket and the request by HTTP: wait until the first has arrived. */
async function saved(open: Inspection): Promise<void> {
  const until = Date.now() + 3_000
  while (open.draft.unsent.peek() > 0 && Date.now() < until) await new Promise((done) => setTimeout(done, 25))
}

/** The bottom line tells of a run that touched something; what needs a word besides gets one here. */
function report(answer: Answer, verb: string, name: string): void {
  if (answer.version === null || answer.version === undefined) return
  if (answer.status === 'success' && answer.affected_entities > 0) return
  const words = sentence(answer.counts ?? {})
  tell(`${name} v${/v(\d+)$/.exec(answer.version)?.[1] ?? ''} ${verb}${words === '' ? '.' : `: ${words}.`}`, answer.status === 'accepted' ? 'The run goes on; the line below shows how far it is.' : '')
}

const forecastOf = (a: { counts?: Forecast['counts']; outcomes?: Forecast['outcomes'] }): Forecast => ({ counts: a.counts ?? {}, outcomes: a.outcomes ?? [] })

export function WiredInspector({ project, open }: { project: OpenProject; open: Inspection }) {
  const [asked, setAsked] = useState<Asked | null>(null)
  const [publishing, setPublishing] = useState(false)
  const pid = project.id
  const attempt = async (action: () => Promise<unknown>) => {
    try {
      await action()
    } catch (error) {
      fail(error)
    }
    void open.load()
  }
  const publish = async () => {
    if (publishing) return
    setPublishing(true)
    await attempt(async () => {
      await saved(open)
      if (Object.keys(open.ahead.peek()).length === 0) return
      report(await api.publish(pid, open.id), 'published', project.names.of(open.id))
    })
    setPublishing(false)
  }
  const diffOf = useCallback((from: number, to: number) => api.readDiff(pid, open.id, from, to), [pid, open.id])
  const cell = project.shots.panel(open.id)
  void project.shots.groups.value
  void project.shots.size.value
  const usage = project.shots.usage(open.id)
  const nameOf = (id: string) => project.names.of(id)
  const close = () => setAsked(null)
  return (
    <>
      <Inspector open={open} picture={cell?.value.shot} aspect={project.aspect.value} usage={usage} statuses={project.statuses.value}
        readonly={project.me.role === 'viewer'} publishing={publishing} kindOf={(name) => project.kind(name)} nameOf={nameOf} hrefOf={hrefOf} diffOf={diffOf}
        onClose={() => inspect(null)}
        onName={(name) => {
          if (name.trim() !== '' && name !== open.entity.peek()?.name) void attempt(() => api.patchEntity(pid, open.id, { name: name.trim() }))
        }}
        onStatus={(status) => void attempt(() => api.patchEntity(pid, open.id, { status }))}
        onPublish={() => void publish()}
        onProseLeft={() => {
          // Only when what was left is really ahead; the blur of a look is no publication.
          if (Object.keys(open.ahead.peek()).length > 0) void publish()
        }}
        onImpact={() => setAsked({ what: 'impact' })}
        onPolicy={(r: ResolvedRef, policy: Policy) => void attempt(() => api.patchReference(pid, r.id, policy === 'pinned' ? { policy, version: r.version } : { policy }))}
        onLook={(version, specs) => setAsked({ what: 'look', version, specs })}
        onRollBack={(version) => setAsked({ what: 'roll back', version })}
        onOlder={() => void open.loadOlder().catch(fail)} />
      {asked?.what === 'look' && <LookDialog version={asked.version} specs={asked.specs} onClose={close} />}
      {asked?.what === 'impact' && (
        <ForecastDialog title="What would change" nameOf={nameOf} onClose={close} load={async () => forecastOf(await api.readImpact(pid, open.id, open.ahead.peek()))}
          action={{ words: usage.follow === 0 ? 'Publish' : `Publish to ${usage.follow} shots`, reason: false, run: async () => report(await api.publish(pid, open.id), 'published', nameOf(open.id)) }} />
      )}
      {asked?.what === 'roll back' && (
        <ForecastDialog title={`Roll ${nameOf(open.id)} back to v${asked.version.number}`} nameOf={nameOf} onClose={close}
          load={async () => forecastOf(await api.rollback(pid, open.id, asked.version.number, '', true))}
          action={{ words: `Roll back to v${asked.version.number}`, reason: true, run: async (reason) => report(await api.rollback(pid, open.id, asked.version.number, reason, false), `is v${asked.version.number} again`, nameOf(open.id)) }} />
      )}
    </>
  )
}
