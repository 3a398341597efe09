/** Wires what is in conflict to its view: where the keyboard is, what is chosen, what is said. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Choice, Conflict } from '../../api/conflicts.ts'
import { explain } from '../../api/problem.ts'
import { inspect, type OpenProject } from '../../store/open-project.ts'
import type { Json } from '../../types.ts'
import { Notice } from '../../ui/bits.tsx'
import { reaches } from '../../ui/reach.ts'
import { fail, tell } from '../../ui/toasts.ts'
import '../../styles/conflicts.css'
import { ConflictsView, type ConflictsProps } from './conflicts.tsx'
import { fieldWords } from './words.ts'

const DONE: { [choice in Choice]: string } = { ours: 'Ours is kept', theirs: 'Theirs is taken', merged: 'Both are merged' }

export function WiredConflicts({ project, onScreen }: { project: OpenProject; onScreen(ids: readonly string[]): void }) {
  const { conflicts } = project
  const [wanted, setWanted] = useState<{ id: string | null; place: number }>({ id: null, place: 0 })
  const [editing, setEditing] = useState<string | null>(null)
  const items = conflicts.items.value
  useEffect(() => conflicts.watch(), [conflicts])
  useEffect(() => onScreen([]), [onScreen])
  // What was settled makes room: the keyboard is at what stands in its place now.
  const here = items?.find((one) => one.id === wanted.id) ?? items?.[Math.min(wanted.place, items.length - 1)]
  const mayDecide = !project.readonly.value
  const take = async (one: Conflict, choice: Choice, value?: Json) => {
    if (!mayDecide || !reaches()) return
    if (here !== undefined) setWanted({ id: here.id, place: (items ?? []).indexOf(here) })
    if (!await conflicts.resolve(one, choice, value)) return
    setEditing(null)
    tell(`${value === undefined ? DONE[choice] : 'It is set'}: ${fieldWords(one)} of ${one.entity_name}.`, value === undefined ? '' : 'Both sides stay in the history.')
  }
  const latest = useRef({ take, items, here })
  latest.current = { take, items, here }
  const actions = useMemo((): ConflictsProps['actions'] => ({
    take: (one, choice, value) => void latest.current.take(one, choice, value),
    at: (id) => id !== latest.current.here?.id && setWanted({ id, place: (latest.current.items ?? []).findIndex((one) => one.id === id) }),
    edit: setEditing,
    open: (one) => inspect(one.entity_id),
    walk: (by) => {
      const all = latest.current.items ?? []
      const at = all.findIndex((one) => one.id === latest.current.here?.id)
      const to = Math.min(all.length - 1, Math.max(0, at + by))
      const next = all[to]
      if (next !== undefined) setWanted({ id: next.id, place: to })
    },
    show: (part) => {
      setWanted({ id: null, place: 0 })
      conflicts.show(part)
    },
    more: () => void conflicts.loadMore().catch(fail),
  }), [conflicts])
  const tools = useMemo(() => ({
    kindOf: (name: string) => project.kind(name),
    nameOf: (id: string) => project.names.of(id),
    iconOf: (id: string) => project.kind(project.names.get(id)?.kind ?? '')?.icon ?? 'box',
  }), [project])
  if (conflicts.error.value !== null && items === null) {
    const { what, next } = explain(conflicts.error.value)
    return <Notice icon="circle-alert" title="What is in conflict cannot be shown"><p>{what} {next}</p><p class="actions"><button type="button" onClick={() => void conflicts.load()}>Try again</button></p></Notice>
  }
  return (
    <ConflictsView items={items} part={conflicts.part.value} open={conflicts.open.value} more={conflicts.more.value !== null} mayDecide={mayDecide} busy={conflicts.busy.value} at={here?.id ?? null} editing={editing}
      statuses={project.statuses.value} actions={actions} {...tools} />
  )
}
