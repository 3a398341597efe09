/** A whole project, brought back to how it was when a version was made. */
import { readEntity, readRestoration, restoreProject } from '../../api/endpoints.ts'
import type { OpenProject } from '../../store/open-project.ts'
import type { Version } from '../../types.ts'
import { go } from '../../ui/router.ts'
import { exact } from '../../ui/time.tsx'
import { tell } from '../../ui/toasts.ts'
import { forecastOf } from './actions.ts'
import { ForecastDialog } from './dialogs.tsx'
import { type Known, NAMED, restorationWords } from './forecast.ts'

export function RestoreProject({ project, version, known, onClose }: { project: OpenProject; version: Version; known: Known; onClose(): void }) {
  const at = version.timestamp
  const then = exact(at)
  return (
    <ForecastDialog title={`Restore the project to ${then}`} known={known} onClose={onClose}
      note="Everything is as it was then, as new versions. Rules, settings and pictures stay. Nothing is erased: what is there now stays in the history."
      load={async () => {
        const found = await readRestoration(project.id, at)
        const unknown = found.deleted.slice(0, NAMED).filter((id) => project.names.get(id) === undefined)
        await Promise.all(unknown.map((id) => readEntity(project.id, id).then((one) => project.names.learn([one]), () => undefined)))
        return { ...forecastOf(found), first: restorationWords(found, known.nameOf) }
      }}
      action={{ words: 'Restore the project', reason: true, run: async (reason, plan) => {
        await restoreProject(project.id, at, reason, plan)
        go({ version: null })
        tell(`The project is as it was ${then}.`, 'What it was before stays in the history.')
      } }} />
  )
}
