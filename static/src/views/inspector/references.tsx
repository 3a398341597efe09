/** What an entity is built on: which version each reference follows, and what is overridden here. */
import { useMemo, useState } from 'preact/hooks'
import type { Fields, Kind, Policy, ResolvedRef, Version } from '../../types.ts'
import { Icon, iconName } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { needsServer } from '../../ui/reach.ts'
import { hrefOf } from '../../ui/router.ts'
import { Overrides } from './overrides.tsx'
import { Picker, type PickerProps } from './picker.tsx'

export interface ReferenceActions {
  policy(reference: ResolvedRef, policy: Policy, version?: number): void
  overrides(reference: ResolvedRef, overrides: Fields): void
  approve(reference: ResolvedRef, version: number): void
  remove(reference: ResolvedRef): void
  add(source: string): void
}

export interface ReferencesProps {
  references: readonly ResolvedRef[]
  readonly: boolean
  mayApprove: boolean
  kindOf(name: string): Kind | undefined
  versionOf(id: string, number: number): Promise<Version>
  actions: ReferenceActions
  picker: Pick<PickerProps, 'search' | 'fits'> & { names(): PickerProps['names'] }
}

/** As many earlier versions as a choice can hold without becoming a scroll. */
const CHOICES = 30

function PolicyChoice({ reference: r, readonly, actions }: { reference: ResolvedRef; readonly: boolean; actions: ReferenceActions }) {
  const others = Array.from({ length: Math.min(CHOICES, r.latest_version) }, (_, i) => r.latest_version - i).filter((n) => n !== r.version || r.policy !== 'pinned')
  return (
    <select aria-label={`Which version of ${r.name} to follow`} value={r.policy} {...needsServer(readonly)} onChange={(event) => {
      const [policy, version] = event.currentTarget.value.split(':')
      // What is shown is what the server has; it follows when the server has changed it.
      event.currentTarget.value = r.policy
      actions.policy(r, policy as Policy, policy === 'pinned' ? Number(version ?? r.version) : undefined)
    }}>
      <option value="latest">latest</option>
      <option value="approved">approved</option>
      <option value="pinned">pinned to v{r.version}</option>
      {others.length > 0 && <optgroup label="Pin to">{others.map((n) => <option key={n} value={`pinned:${n}`}>v{n}</option>)}</optgroup>}
    </select>
  )
}

interface RowProps {
  reference: ResolvedRef
  kind: Kind | undefined
  readonly: boolean
  mayApprove: boolean
  versionOf(id: string, number: number): Promise<Version>
  actions: ReferenceActions
}

const Row = memo(function Row({ reference: r, kind, readonly, mayApprove, versionOf, actions }: RowProps) {
  const [open, setOpen] = useState(false)
  const behind = r.version < r.latest_version
  return (
    <li data-reference={r.id}>
      <div class="reference">
        <a href={hrefOf(r.source)} class="link" data-kind={r.kind}><Icon name={iconName(kind?.icon ?? 'box')} size={14} /><span class="link-name" dir="auto">{r.name}</span></a>
        <span class="mono dim">v{r.version}{behind && ` of ${r.latest_version}`}</span>
        <PolicyChoice reference={r} readonly={readonly} actions={actions} />
        {!readonly && <button type="button" class="quiet" aria-label={`Overrides of ${r.name}`} aria-expanded={open} data-testid="reference-more" onClick={() => setOpen(!open)}><Icon name="sliders" size={14} /></button>}
      </div>
      <Overrides reference={r} kind={kind} readonly={readonly} open={open} versionOf={versionOf} onOverrides={(to) => actions.overrides(r, to)} />
      {r.policy === 'approved' && behind && mayApprove && (
        <p class="reference-do"><span class="dim">v{r.version} is approved, v{r.latest_version} is the newest.</span> <button type="button" data-testid="approve" {...needsServer()} onClick={() => actions.approve(r, r.latest_version)}><Icon name="approved" size={14} />Approve v{r.latest_version}</button></p>
      )}
      {open && <p class="reference-do"><button type="button" data-testid="remove-reference" {...needsServer()} onClick={() => actions.remove(r)}><Icon name="trash" size={14} />Remove this reference</button></p>}
    </li>
  )
})

export const References = memo(function References({ references, readonly, mayApprove, kindOf, versionOf, actions, picker }: ReferencesProps) {
  const [adding, setAdding] = useState(false)
  const used = useMemo(() => new Set(references.map((r) => r.source)), [references])
  const fits = useMemo<PickerProps['fits']>(() => (name) => !used.has(name.id) && picker.fits(name), [used, picker])
  if (references.length === 0 && readonly) return null
  return (
    <section aria-labelledby="references-head" class="block" data-references={references.length}>
      <h2 id="references-head">Built on
        {!readonly && <button type="button" class="quiet" aria-expanded={adding} data-testid="add-reference" {...needsServer()} onClick={() => setAdding(!adding)}><Icon name="plus" size={14} />Add</button>}
      </h2>
      {adding && <Picker label="Build it on" names={picker.names()} kindOf={kindOf} search={picker.search} fits={fits} onClose={() => setAdding(false)} onPick={(id) => {
        setAdding(false)
        actions.add(id)
      }} />}
      {references.length === 0 && !adding && <p class="dim">Nothing yet. Add what it is made of, and it follows every change of that.</p>}
      <ul class="links">
        {references.map((r) => <Row key={r.id} reference={r} kind={kindOf(r.kind)} readonly={readonly} mayApprove={mayApprove} versionOf={versionOf} actions={actions} />)}
      </ul>
    </section>
  )
})
