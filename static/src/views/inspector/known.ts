/** What a project knows of whatever a forecast names. */
import type { OpenProject } from '../../store/open-project.ts'
import { namesOf } from '../../ui/bits.tsx'
import type { Known } from './forecast.ts'

export function knownOf(project: OpenProject): Known {
  const { names, shots, others, me } = project
  return {
    nameOf: (id) => names.of(id),
    isShot: (id) => shots.isShot(id),
    isFinal: (id) => shots.panel(id)?.peek().base.status === 'final',
    whoHas: (id) => namesOf(others.peek().filter((p) => p.entity === id && p.user !== me.user)),
  }
}
