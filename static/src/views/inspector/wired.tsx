/** The inspector, wired to its project: its tools, its actions, and what it asks before it acts. */
import { useMemo, useState } from 'preact/hooks'
import * as api from '../../api/endpoints.ts'
import type { Inspection } from '../../store/inspection.ts'
import type { OpenProject } from '../../store/open-project.ts'
import { picture } from '../../sketch/index.ts'
import { withOverlays } from '../../store/overlay.ts'
import type { Fields, Kind, Resolved } from '../../types.ts'
import { sameInputs } from '../../ui/memo.ts'
import { route } from '../../ui/router.ts'
import { actionsOf, type Asked, forecastOf } from './actions.ts'
import { publishWords } from './ahead.tsx'
import { ForecastDialog } from './dialogs.tsx'
import { type Forecast, repainted } from './forecast.ts'
import { Inspector, type Tools } from './inspector.tsx'
import { knownOf } from './known.ts'
import { RestoreProject } from './restoration.tsx'

/** What may be built on what: edges run from what is used to what uses it. */
const SOURCES: { [target in Kind['category']]: readonly Kind['category'][] } = {
  asset: ['asset'],
  shot: ['asset'],
  scene: ['asset', 'shot'],
  sequence: ['shot', 'scene'],
}

/** How many shots are drawn to find one in which a difference shows. */
const TRIED = 40

function toolsOf(project: OpenProject, open: Inspection): Tools {
  const kindOf = (name: string) => project.kind(name)
  const target = () => kindOf(open.entity.peek()?.kind ?? '')?.category
  return {
    kindOf,
    nameOf: (id) => project.names.of(id),
    // Whoever asks is asked again when shots have been loaded.
    cellOf: (id) => (void project.shots.size.value, project.shots.panel(id)),
    isShot: (id) => project.shots.isShot(id),
    versionOf: (id, number) => project.past.version(id, number),
    pastOf: async (version) => {
      const now = open.entity.peek()
      if (now === null) throw new Error('It is not loaded yet.')
      const of = (id: string) => project.names.get(id)?.kind ?? open.references.peek()?.find((r) => r.source === id)?.kind ?? ''
      return project.past.resolved(now, version, of)
    },
    pictured: (past, now) => {
      const own = project.shots.panel(open.id)?.peek().base
      if (own !== undefined) return { past: { ...past, kind: own.kind }, now: own, of: '' }
      const users = project.shots.usersOf(open.id).map((id) => project.shots.panel(id)?.peek().base).filter((s) => s !== undefined)
      const laid = (user: Resolved, fields: Fields) => withOverlays(user, new Map([[open.id, fields]]))
      const seen = (user: Resolved, fields: Fields) => picture(laid(user, fields).shot, { aspect: 1 })
      // A shot in which it shows: a pinned or overridden one looks the same in both.
      const user = users.slice(0, TRIED).find((s) => !sameInputs(seen(s, past.fields), seen(s, now))) ?? users[0]
      if (user === undefined) return null
      const shown = (fields: Fields) => laid(user, fields).shot
      return { past: shown(past.fields), now: shown(now), of: user.name }
    },
    diffOf: (from, to) => api.readDiff(project.id, open.id, from, to),
    picker: {
      names: () => project.names.all(),
      fits: (name) => {
        const [to, from] = [target(), kindOf(name.kind)?.category]
        return to !== undefined && from !== undefined && name.id !== open.id && SOURCES[to].includes(from)
      },
      search: async (words) => {
        const { items } = await api.findEntities(project.id, words)
        project.names.learn(items)
        return items
      },
    },
  }
}

/** After so many seconds without a word, texts are published by themselves; 0: they are not. */
function quietOf(project: OpenProject): number {
  const seconds = project.project.value?.settings?.['prose_quiet_seconds']
  return typeof seconds === 'number' ? seconds : 30
}

const NOTHING: Forecast = { counts: {}, outcomes: [] }

/** What is known already is shown first; asked again, it is read anew. */
function once(found: Forecast | null, read: () => Promise<Forecast>): () => Promise<Forecast> {
  let first = found
  return () => {
    const known = first
    first = null
    return known === null ? read() : Promise.resolve(known)
  }
}

export function WiredInspector({ project, open, onClose }: { project: OpenProject; open: Inspection; onClose(): void }) {
  const [asked, setAsked] = useState<Asked | null>(null)
  const [publishing, setPublishing] = useState(false)
  const tools = useMemo(() => toolsOf(project, open), [project, open])
  const known = useMemo(() => knownOf(project), [project])
  const automatic = project.project.value?.settings?.['automatic_publishing'] !== false
  const actions = useMemo(() => actionsOf(project, open, { known, automatic: () => project.project.peek()?.settings?.['automatic_publishing'] !== false, ask: setAsked, publishing: setPublishing }), [project, open, known])
  void project.shots.size.value
  const groups = project.shots.groups.value
  // Read again whenever what is open has moved: that is when policies and statuses may have, too.
  void open.resolved.value
  const usage = project.shots.usage(open.id)
  const close = () => setAsked(null)
  const role = project.role.value
  return (
    <>
      <Inspector open={open} tools={tools} actions={actions} aspect={project.aspect.value} groups={groups} usage={usage} statuses={project.statuses.value}
        automatic={automatic} quiet={automatic ? quietOf(project) : 0} known={known} readonly={project.readonly.value} mayApprove={role === 'approver' || role === 'owner'} mayRestore={role === 'owner'}
        publishing={publishing} look={route.value.version} onClose={onClose} />
      {asked?.what === 'impact' && (
        <ForecastDialog title={asked.forecast === null ? 'What would change' : `Publish ${tools.nameOf(open.id)}?`} known={known} onClose={close} note="Publishing makes a version, which can be rolled back."
          load={once(asked.forecast, async () => await actions.forecast() ?? NOTHING)}
          action={{ words: (found) => publishWords(repainted(found, known)), reason: false, run: (_, plan) => actions.published(plan) }} />
      )}
      {asked?.what === 'restore' && <RestoreProject project={project} version={asked.version} known={known} onClose={close} />}
      {asked?.what === 'roll back' && (
        <ForecastDialog title={`Roll ${asked.field === undefined ? '' : `${asked.field.label} of `}${tools.nameOf(open.id)} back to v${asked.number}`} known={known} onClose={close}
          note={asked.field === undefined ? `What was v${asked.number} comes back as a new version. Nothing is erased.` : `Only ${asked.field.label} comes back, as a new version. Nothing is erased.`}
          load={async () => forecastOf(await api.rollback(project.id, open.id, asked.number, '', true, asked.field?.name))}
          action={{ words: `Roll back to v${asked.number}`, reason: true, run: (reason) => actions.rolledBack(asked.number, reason, asked.field) }} />
      )}
    </>
  )
}
