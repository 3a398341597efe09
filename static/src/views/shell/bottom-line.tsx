/** The bottom line, wired: the run that it shows can be cancelled, retried where it failed, and rolled back. */
import { useMemo, useRef, useState } from 'preact/hooks'
import * as api from '../../api/endpoints.ts'
import { Problem } from '../../api/problem.ts'
import type { OpenProject } from '../../store/open-project.ts'
import { fail } from '../../ui/toasts.ts'
import { ForecastDialog } from '../inspector/dialogs.tsx'
import { knownOf } from '../inspector/known.ts'
import { Progress } from './progress.tsx'

/** What later edits are in the way, and of what. */
function refusal(conflicts: readonly { entity_id: string; field: string }[], nameOf: (id: string) => string): Problem {
  const named = conflicts.slice(0, 3).map(({ entity_id, field }) => `${nameOf(entity_id)} (${field.replace('@', '')})`)
  const more = conflicts.length > named.length ? ` and ${conflicts.length - named.length} more` : ''
  return new Problem(409, 'conflict', 'Changed since', `Changed again since then: ${named.join(', ')}${more}. Both sides wait under Conflicts.`)
}

export function BottomLine({ project }: { project: OpenProject }) {
  const line = project.runs.line.value
  const [asked, setAsked] = useState<{ id: string; name: string } | null>(null)
  const plan = useRef('')
  void project.names.versions.value
  const nameOf = (id: string) => project.names.get(id)?.name ?? id
  const known = useMemo(() => knownOf(project), [project])
  const rollBack = async (id: string, reason: string) => {
    const done = await api.rollbackRun(id, reason, plan.current)
    if (done.status === 'conflict') throw refusal(done.conflicts, nameOf)
  }
  return (
    <>
      {line !== null && (
        <Progress line={line} name={nameOf(line.asset)} version={project.names.get(line.asset)?.version ?? null} shots={project.shots.usage(line.asset).total} mayAct={project.me.role !== 'viewer'}
          onCancel={() => void api.cancelRun(line.id).catch(fail)} onRetry={() => void api.retryRun(line.id).catch(fail)} onRollBack={() => setAsked({ id: line.id, name: nameOf(line.asset) })} />
      )}
      {asked !== null && (
        <ForecastDialog title={`Roll back what ${asked.name} started`} known={known} onClose={() => setAsked(null)}
          note="What it changed is as before again, as a new version. What was changed since stays, and nothing is erased."
          load={async () => {
            const found = await api.readRollback(asked.id)
            plan.current = found.plan_hash
            return { counts: found.counts, outcomes: found.outcomes }
          }}
          action={{ words: 'Roll back', reason: true, run: (reason) => rollBack(asked.id, reason) }} />
      )}
    </>
  )
}
