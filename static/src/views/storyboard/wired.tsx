/** The storyboard with its actions: what is sent to the server, and what is said about it. */
import { untracked } from '@preact/signals'
import { useCallback, useState } from 'preact/hooks'
import * as api from '../../api/endpoints.ts'
import * as members from '../../api/members.ts'
import { Problem } from '../../api/problem.ts'
import type { Place } from '../../store/arrangement.ts'
import { Arranging } from '../../store/arranging.ts'
import { inspect, type OpenProject } from '../../store/open-project.ts'
import { grouping, panelSize } from '../../ui/preferences.ts'
import { reaches } from '../../ui/reach.ts'
import { hrefOf } from '../../ui/router.ts'
import { fail, tell } from '../../ui/toasts.ts'
import { Storyboard, type StoryboardProps } from './storyboard.tsx'

/** One for a project, whatever view is open: what is on its way goes on in turn. */
const known = new WeakMap<OpenProject, Arranging>()

function arrangingOf(project: OpenProject): Arranging {
  const before = known.get(project)
  if (before !== undefined) return before
  const made = new Arranging(project.shots, {
    create: (shot) => members.createShot(project.id, shot),
    discard: (shot) => members.deleteShot(project.id, shot),
    join: (shot, container, order) => members.joinAt(project.id, shot, container, order),
    reorder: (reference, order) => members.reorder(project.id, reference, order),
    leave: (reference) => members.leave(project.id, reference),
    refresh: (ids) => project.refresh(ids),
  })
  known.set(project, made)
  return made
}

/** The same place for the same panel as long as the view is open, so that no panel follows the URL. */
const linkTo = (id: string) => untracked(() => hrefOf(id))

type Given = Pick<StoryboardProps, 'groups' | 'washes' | 'selected' | 'people' | 'cellOf' | 'nameOf' | 'onScreen'>

export function WiredStoryboard({ project, ...given }: Given & { project: OpenProject }) {
  const [busy, setBusy] = useState<string | null>(null)
  const arranging = arrangingOf(project)
  const onForget = useCallback((id?: string) => project.shots.forgetBefore(id), [project])
  const onNew = (group: string, behind: string | null) => {
    setBusy(group)
    arranging.add(group, behind).then(inspect).catch(fail).finally(() => setBusy(null))
  }
  const onMove = (shot: string, place: Place) => void arranging.move(shot, place).catch(fail)
  const onPicture = async (shot: string, file: File) => {
    if (!reaches()) return
    try {
      await api.uploadPicture(project.id, shot, file)
      await project.refresh([shot])
      tell(`${shot} has a new picture.`)
    } catch (error) {
      // What is wrong with a file is said of the file, not of a field.
      const wrong = error instanceof Problem && error.code === 'invalid' ? error.errors[0]?.message : undefined
      if (wrong === undefined) fail(error)
      else tell(`The picture for ${shot} was not taken: it ${wrong}.`, 'Nothing was changed.')
    }
  }
  return (
    <Storyboard {...given} hrefOf={linkTo} aspect={project.aspect.value} grouping={grouping.value} size={panelSize.value} readonly={project.readonly.value} busy={busy}
      onOpen={inspect} onForget={onForget} onGrouping={(by) => (grouping.value = by)} onSize={(size) => (panelSize.value = size)}
      onNew={onNew} onMove={onMove} onPicture={(shot, file) => void onPicture(shot, file)} />
  )
}
