/** What is built on an entity: its shots under their sequences, and everything else by kind. */
import { useState } from 'preact/hooks'
import type { Group } from '../../store/groups.ts'
import type { Usage } from '../../store/shots.ts'
import type { Dependencies, Dependency, Kind, UsedBy as Use } from '../../types.ts'
import { count, number } from '../../ui/bits.tsx'
import { Icon, iconName } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { hrefOf } from '../../ui/router.ts'

/** "18 follow latest · 3 pinned · 2 final, will ask" */
export function usageWords(usage: Usage): string {
  return [
    usage.follow > 0 && `${number(usage.follow)} follow${usage.follow === 1 ? 's' : ''} latest`,
    usage.approved > 0 && `${number(usage.approved)} follow${usage.approved === 1 ? 's' : ''} approved`,
    usage.pinned > 0 && `${number(usage.pinned)} pinned`,
    usage.final > 0 && `${number(usage.final)} final, will ask`,
  ].filter(Boolean).join(' · ')
}

export interface UseGroup {
  id: string
  title: string
  kind: string
  items: readonly Dependency[]
}

/** Shots in the order of the storyboard, under their sequences; then the other kinds. */
export function groupUses(all: readonly Dependency[], sequences: readonly Group[], isShot: (id: string) => boolean, titleOf: (kind: string, n: number) => string): UseGroup[] {
  const by = new Map(all.map((d) => [d.id, d]))
  const shots = sequences.map((s): UseGroup => ({ id: `sequence ${s.id}`, title: s.name, kind: 'sequence', items: s.shots.map((id) => by.get(id)).filter((d) => d !== undefined) }))
  const rest = all.filter((d) => !isShot(d.id))
  const kinds = [...new Set(rest.map((d) => d.kind))].map((kind): UseGroup => {
    const items = rest.filter((d) => d.kind === kind)
    return { id: `kind ${kind}`, title: titleOf(kind, items.length), kind, items }
  })
  return [...shots, ...kinds].filter((g) => g.items.length > 0)
}

const SHOWN = 60

function Jumps({ items, nameOf }: { items: readonly Dependency[]; nameOf(id: string): string }) {
  const [all, setAll] = useState(false)
  const shown = all ? items : items.slice(0, SHOWN)
  return (
    <p class="jumps">
      {shown.map((d) => <a key={d.id} href={hrefOf(d.id)} class="jump" dir="auto" title={d.path.length > 2 ? d.path.map(nameOf).join(' → ') : undefined}>{nameOf(d.id)}</a>)}
      {shown.length < items.length && <button type="button" class="quiet" onClick={() => setAll(true)}>Show all {items.length}</button>}
    </p>
  )
}

export interface UsedByProps {
  uses: readonly Use[]
  dependencies: Dependencies | null
  sequences: readonly Group[]
  usage: Usage
  isShot(id: string): boolean
  kindOf(name: string): Kind | undefined
  nameOf(id: string): string
}

export const UsedBy = memo(function UsedBy({ uses, dependencies, sequences, usage, isShot, kindOf, nameOf }: UsedByProps) {
  const all = dependencies?.dependencies ?? uses.map((u): Dependency => ({ id: u.target, kind: u.kind, depth: 1, path: [] }))
  const groups = groupUses(all, sequences, isShot, (kind, n) => {
    const found = kindOf(kind)
    return (n === 1 ? found?.label : found?.plural) ?? kind
  })
  return (
    <section aria-labelledby="used-head" class="block" data-used-by={all.length}>
      <h2 id="used-head">Used by</h2>
      {usage.total > 0 && <p class="dim">{count(usage.total, 'shot')}: {usageWords(usage)}</p>}
      {all.length === 0 && <p class="dim">Nothing uses this yet.</p>}
      {groups.map((g) => (
        <details key={g.id} open={all.length <= 24} data-used-group={g.id}>
          <summary><span class="kind" data-kind={g.kind}><Icon name={iconName(kindOf(g.kind)?.icon ?? 'box')} size={14} /><span dir="auto">{g.title}</span> <span class="dim">{g.items.length}</span></span></summary>
          <Jumps items={g.items} nameOf={nameOf} />
        </details>
      ))}
    </section>
  )
})
