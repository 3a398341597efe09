/** Wires what waits for approval to its view: where the keyboard is, what is selected, what is said. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import { explain } from '../../api/problem.ts'
import { inspect, type OpenProject } from '../../store/open-project.ts'
import type { Approval, ApprovalGroup, Decision } from '../../types.ts'
import { count, Notice } from '../../ui/bits.tsx'
import { reaches } from '../../ui/reach.ts'
import { fail, tell } from '../../ui/toasts.ts'
import { ApprovalsView } from './approvals.tsx'

const DONE: { [decision in Decision]: string } = { approve: 'Approved', reject: 'Rejected' }

function said(items: readonly Approval[], decision: Decision): void {
  const [first] = items
  if (first === undefined) return
  const what = items.length === 1 ? `${first.source_name} v${first.after.version} in ${first.target_name}` : count(items.length, 'change')
  const next = decision === 'approve' ? '' : 'What is shown stays, until there is a newer version.'
  tell(`${DONE[decision]}: ${what}.`, next)
}

/** As the groups stand on screen. */
const inOrder = (items: readonly Approval[] | null, groups: readonly ApprovalGroup[]) => groups.flatMap((group) => (items ?? []).filter((item) => item.run_id === group.run_id))

export function WiredApprovals({ project, onScreen }: { project: OpenProject; onScreen(ids: readonly string[]): void }) {
  const { approvals } = project
  const [wanted, setWanted] = useState<{ id: string | null; place: number }>({ id: null, place: 0 })
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [comment, setComment] = useState('')
  const items = approvals.items.value
  const groups = approvals.groups.value
  useEffect(() => approvals.watch(), [approvals])
  useEffect(() => onScreen([]), [onScreen])
  const ordered = useMemo(() => inOrder(items, groups), [items, groups])
  // What was decided makes room: the keyboard is at what stands in its place now.
  const here = ordered.find((item) => item.id === wanted.id) ?? ordered[Math.min(wanted.place, ordered.length - 1)]
  const chosen = ordered.filter((item) => selected.has(item.id))
  const kindOf = useMemo(() => (name: string) => project.kind(name), [project])
  const whole = useMemo(() => (item: Approval) => approvals.whole(item), [approvals])
  const place = (id: string) => setWanted({ id, place: ordered.findIndex((item) => item.id === id) })
  const mayDecide = project.role.value === 'approver' || project.role.value === 'owner'

  const decide = async (those: readonly Approval[], decision: Decision) => {
    if (!mayDecide || those.length === 0 || !reaches()) return
    if (here !== undefined) place(here.id)
    if (!await approvals.decide(those, decision, comment.trim())) return
    said(those, decision)
    setComment('')
    setSelected(new Set())
  }
  if (approvals.error.value !== null && items === null) {
    const { what, next } = explain(approvals.error.value)
    return <Notice icon="circle-alert" title="What waits cannot be shown"><p>{what} {next}</p><p class="actions"><button type="button" onClick={() => void approvals.load()}>Try again</button></p></Notice>
  }
  return (
    <ApprovalsView items={items} groups={groups} open={approvals.open.value} more={approvals.more.value !== null} aspect={project.aspect.value} mayDecide={mayDecide} busy={approvals.busy.value}
      at={here?.id ?? null} selected={selected} comment={comment} kindOf={kindOf} whole={whole}
      actions={{
        decide: (those, decision) => void decide(those, decision),
        decideHere: (decision) => void decide(chosen.length > 0 ? chosen : here === undefined ? [] : [here], decision),
        decideGroup: (group, decision) => void approvals.groupOf(group.run_id).then((those) => decide(those, decision)).catch(fail),
        select: (id) => setSelected(toggled(selected, id)),
        at: (id) => id !== here?.id && place(id),
        open: (item) => inspect(item.target),
        walk: (by) => {
          const at = ordered.findIndex((item) => item.id === here?.id)
          const to = ordered[Math.min(ordered.length - 1, Math.max(0, at + by))]
          if (to !== undefined) place(to.id)
        },
        clear: () => setSelected(new Set()),
        comment: setComment,
        more: () => void approvals.loadMore().catch(fail),
      }} />
  )
}

function toggled(selected: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(selected)
  if (!next.delete(id)) next.add(id)
  return next
}
