/** The breakdown with its actions: what is asked for, what is sent, and what is shown of a project. */
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import * as api from '../../api/endpoints.ts'
import { breakdownOf } from '../../store/breakdown.ts'
import { addTo, takeFrom, usesOf } from '../../store/casting.ts'
import type { Sort } from '../../store/filtering.ts'
import { inspect, type OpenProject } from '../../store/open-project.ts'
import { isColour } from '../../sketch/colour.ts'
import type { Resolved } from '../../types.ts'
import { count, Notice } from '../../ui/bits.tsx'
import { iconName } from '../../ui/icon.tsx'
import { density } from '../../ui/preferences.ts'
import { shownPart, withQuery } from '../../ui/query.ts'
import { reaches } from '../../ui/reach.ts'
import { href, route } from '../../ui/router.ts'
import { fail, tell } from '../../ui/toasts.ts'
import { type Asked, Breakdown } from './breakdown.tsx'
import { FilterLine } from './filter-line.tsx'
import { type Option, Picker } from './picker.tsx'
import { SelectionBar } from './selection-bar.tsx'

const HEIGHTS = { compact: 28, comfortable: 36 } as const

/** What the picker is open for. */
type Choosing = (Asked & { what: 'add' | 'remove' }) | { what: 'filter'; shots: readonly string[]; kind: null; beside: Element | null }


/** Every asset with what a picker says of it; loaded anew each time one opens, and until then as it was. */
function useAssets(project: OpenProject, wanted: boolean): readonly Resolved[] | null {
  const [assets, setAssets] = useState<readonly Resolved[] | null>(null)
  useEffect(() => {
    if (!wanted) return
    let gone = false
    const all: Resolved[] = []
    const kinds = project.kinds.peek().filter((k) => k.category === 'asset')
    Promise.all(kinds.map((k) => api.readResolvedKind(project.id, k.name, (items) => all.push(...items)))).then(() => {
      project.names.learn(all)
      if (!gone) setAssets(all)
    }, fail)
    return () => {
      gone = true
    }
  }, [project, wanted])
  return assets
}

function optionsOf(project: OpenProject, assets: readonly Resolved[], choosing: Choosing): Option[] {
  const shots = choosing.shots.flatMap((id) => project.shots.base(id) ?? [])
  const having = new Map<string, number>()
  for (const shot of shots) for (const source of new Set(shot.references.map((r) => r.source))) having.set(source, (having.get(source) ?? 0) + 1)
  const kinds = project.kinds.peek().map((k) => k.name)
  const { what, kind } = choosing
  return assets.filter((a) => (kind === null || a.kind === kind) && (what !== 'remove' || having.has(a.id))).map((a): Option => {
    const [n, wearer] = [having.get(a.id) ?? 0, a.references.find((r) => r.kind === 'character')]
    const worn = wearer === undefined ? '' : `worn by ${wearer.name}`
    const used = shots.length > 1 && n > 0 ? `in ${n} of ${shots.length}` : ''
    const colour = a.fields['colour']
    return { id: a.id, name: a.name, kind: a.kind, icon: iconName(project.kind(a.kind)?.icon ?? 'box'), colour: isColour(colour) ? colour : null, note: [worn, used].filter(Boolean).join(' · '), done: what === 'add' && n === shots.length }
  }).toSorted((a, b) => Number(a.done) - Number(b.done) || kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || a.name.localeCompare(b.name))
}

function Choose({ project, choosing, onClose, onPick }: { project: OpenProject; choosing: Choosing; onClose(): void; onPick(option: Option): void }) {
  const assets = useAssets(project, true)
  const options = useMemo(() => (assets === null ? null : optionsOf(project, assets, choosing)), [project, assets, choosing])
  const { what, shots, kind } = choosing
  const on = shots.length === 1 ? shots[0] : count(shots.length, 'shot')
  const thing = kind === null ? '' : `${project.kind(kind)?.label.toLowerCase() ?? kind} `
  const title = what === 'filter' ? 'Show only shots made of' : what === 'add' ? `Add ${thing}to ${on}` : `Remove ${thing}from ${on}`
  return <Picker title={title} options={options} beside={choosing.beside} empty={what === 'remove' ? 'They are made of nothing yet.' : 'There is none in this project yet.'} onClose={onClose} onPick={onPick} />
}

export function WiredBreakdown({ project, onScreen }: { project: OpenProject; onScreen(ids: readonly string[]): void }) {
  const model = useMemo(() => breakdownOf(project), [project])
  const [choosing, setChoosing] = useState<Choosing | null>(null)
  const [busy, setBusy] = useState(false)
  useEffect(() => model.follow(), [model])
  const stable = useMemo(() => ({
    cellOf: (id: string) => project.shots.panel(id),
    nameOf: (id: string) => project.names.of(id),
    onFold: (group: string, away: boolean) => model.fold(group, away),
    onAdd: (asked: Asked) => reaches() && setChoosing({ what: 'add', ...asked }),
    onSearch: () => document.querySelector<HTMLElement>('.filter-line input')?.focus(),
    onSort: (sort: Sort) => {
      const now = model.filter.peek()
      model.narrow(now.sort !== sort ? { sort, down: false } : now.down ? { sort: 'order', down: false } : { down: true })
    },
    onRemove: (source: string, shots: readonly string[]) => {
      if (!reaches()) return
      void takeFrom(project.id, project.names.of(source), usesOf(source, shots.flatMap((id) => project.shots.base(id) ?? [])))
    },
  }), [project, model])
  const { project: pid, view } = route.value
  const narrowed = shownPart.value
  // Rows follow what their links depend on, and not what is open beside them.
  const hrefOf = useMemo(() => (id: string) => withQuery(href({ project: pid, view, entity: id }), narrowed), [pid, view, narrowed])
  const clear = useCallback(() => model.selection.clear(), [model])
  const kinds = useMemo(() => project.kinds.value.filter((k) => k.category === 'asset'), [project.kinds.value])
  const [whole, total, shown, filter, selected] = [project.shots.groups.value, project.shots.size.value, model.shown.value, model.filter.value, model.selection.ids.value]
  const readonly = project.readonly.value
  if (total === 0) {
    return (
      <Notice icon="rows-3" title="No shots yet">
        <p>Import a project or a screenplay, or create a shot. It shows here as a row, with a chip for everything it is made of.</p>
      </Notice>
    )
  }
  const onPick = ({ id, name }: Option) => {
    if (choosing?.what === 'filter') model.narrow({ assets: [...filter.assets.filter((one) => one !== id), id] })
    else if (choosing?.what === 'add') void addTo(project.id, { id, name }, choosing.shots)
    else if (choosing !== null) stable.onRemove(id, choosing.shots)
  }
  const setStatus = async (status: string) => {
    const ids = [...selected].filter((id) => project.shots.base(id)?.status !== status)
    setBusy(true)
    try {
      if (ids.length > 0) await api.setStatuses(project.id, ids, status)
      tell(ids.length === 0 ? `All of them are ${status} already.` : `${count(ids.length, 'shot')} set to ${status}.`)
    } catch (error) {
      fail(error)
    } finally {
      setBusy(false)
    }
  }
  const chosen = [...selected]
  const visible = new Set(shown.flatMap((group) => group.shots))
  const unseen = chosen.filter((id) => !visible.has(id)).length
  const height = HEIGHTS[density.value]
  return (
    <>
      <FilterLine filter={filter} matched={model.matched.value} total={total} statuses={project.statuses.value} kinds={kinds} nameOf={stable.nameOf} kindOf={(id) => project.names.get(id)?.kind ?? ''}
        onFilter={(to) => model.narrow(to)} onClear={() => model.clear()} onAsset={(beside) => setChoosing({ what: 'filter', shots: [], kind: null, beside })} />
      {shown.length === 0 ? (
        <Notice icon="search" title="No shot is like that">
          <p>{count(total, 'shot')} {total === 1 ? 'is' : 'are'} here, and the filter leaves none of them.</p>
          <p><button type="button" data-testid="filter-back" onClick={() => model.clear()}>Show all {total}</button></p>
        </Notice>
      ) : (
        <Breakdown groups={shown} whole={whole} folded={model.folded.value} washes={project.shots.groupWash.value} kinds={kinds} rowHeight={height} aspect={density.value === 'compact' ? 0 : project.aspect.value} opened={route.value.entity}
          filter={filter} tally={model.tally} selection={model.selection} people={project.others.value} readonly={readonly} hrefOf={hrefOf} onOpen={inspect} onScreen={onScreen} {...stable} />
      )}
      {selected.size > 0 && (
        <SelectionBar count={selected.size} unseen={unseen} statuses={project.statuses.value} readonly={readonly} busy={busy} onClear={clear} onStatus={(status) => void setStatus(status)}
          onAdd={(beside) => setChoosing({ what: 'add', shots: chosen, kind: null, beside })} onRemove={(beside) => setChoosing({ what: 'remove', shots: chosen, kind: null, beside })} />
      )}
      {choosing !== null && <Choose project={project} choosing={choosing} onPick={onPick} onClose={() => setChoosing(null)} />}
    </>
  )
}
