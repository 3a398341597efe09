/** What an entity is built on, with the policy of each, and what is built on it. */
import type { Usage } from '../../store/shots.ts'
import type { Dependencies, Kind, Policy, Resolved, ResolvedRef } from '../../types.ts'
import { Icon, iconName } from '../../ui/icon.tsx'

export interface ReferencesProps {
  references: readonly ResolvedRef[]
  readonly: boolean
  kindOf(name: string): Kind | undefined
  hrefOf(id: string): string
  onPolicy(reference: ResolvedRef, policy: Policy): void
}

const POLICIES: readonly Policy[] = ['latest', 'approved', 'pinned']

export function References({ references, readonly, kindOf, hrefOf, onPolicy }: ReferencesProps) {
  if (references.length === 0) return null
  return (
    <section aria-labelledby="references-head" class="block">
      <h2 id="references-head">Built on</h2>
      <ul class="links">
        {references.map((r) => {
          const overrides = Object.keys(r.overrides).length
          return (
            <li key={r.id} data-reference={r.id}>
              <a href={hrefOf(r.source)} class="link" data-kind={r.kind}><Icon name={iconName(kindOf(r.kind)?.icon ?? 'box')} size={14} /><span class="link-name">{r.name}</span></a>
              <span class="mono dim">v{r.version}{r.version < r.latest_version && ` of ${r.latest_version}`}</span>
              {overrides > 0 && <span class="dim" title={JSON.stringify(r.overrides)}>{overrides} changed here</span>}
              <select aria-label={`Which version of ${r.name} to follow`} value={r.policy} disabled={readonly} onChange={(event) => onPolicy(r, event.currentTarget.value as Policy)}>
                {POLICIES.map((p) => <option key={p} value={p}>{p === 'pinned' ? `pinned to v${r.version}` : p}</option>)}
              </select>
            </li>
          )
        })}
      </ul>
    </section>
  )
}

/** "18 follow latest · 3 pinned · 2 final" */
export function usageWords(usage: Usage): string {
  return [
    usage.follow > 0 && `${usage.follow} follow latest`,
    usage.approved > 0 && `${usage.approved} follow approved`,
    usage.pinned > 0 && `${usage.pinned} pinned`,
    usage.final > 0 && `${usage.final} final, will ask`,
  ].filter(Boolean).join(' · ')
}

const SHOWN = 60

export interface UsedByProps {
  resolved: Resolved
  dependencies: Dependencies | null
  usage: Usage
  kindOf(name: string): Kind | undefined
  nameOf(id: string): string
  hrefOf(id: string): string
}

export function UsedBy({ resolved, dependencies, usage, kindOf, nameOf, hrefOf }: UsedByProps) {
  const all = dependencies?.dependencies ?? resolved.used_by.map((u) => ({ id: u.target, kind: u.kind, depth: 1, path: [] }))
  const kinds = [...new Set(all.map((d) => d.kind))]
  const by = kinds.map((kind) => [kind, all.filter((d) => d.kind === kind)] as const)
  return (
    <section aria-labelledby="used-head" class="block" data-used-by={all.length}>
      <h2 id="used-head">Used by</h2>
      {usage.total > 0 && <p class="dim">{usageWords(usage)}</p>}
      {all.length === 0 && <p class="dim">Nothing uses this yet.</p>}
      {by.map(([kind, items]) => {
        const found = kindOf(kind)
        return (
          <details key={kind} open={items.length <= 24}>
            <summary><span class="kind" data-kind={kind}><Icon name={iconName(found?.icon ?? 'box')} size={14} />{items.length} {(items.length === 1 ? found?.label : found?.plural)?.toLowerCase() ?? kind}</span></summary>
            <p class="jumps">
              {items.slice(0, SHOWN).map((d) => <a key={d.id} href={hrefOf(d.id)} class="jump" title={d.path.map(nameOf).join(' → ')}>{nameOf(d.id)}</a>)}
              {items.length > SHOWN && <span class="dim">and {items.length - SHOWN} more</span>}
            </p>
          </details>
        )
      })}
    </section>
  )
}
