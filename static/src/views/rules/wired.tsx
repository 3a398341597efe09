/** Wires the rules of a project to their view: which one is edited, what is saved, what is tried. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import * as api from '../../api/rules.ts'
import type { Rule, SentRule } from '../../api/rules.ts'
import { explain, Problem } from '../../api/problem.ts'
import type { OpenProject } from '../../store/open-project.ts'
import { sent } from '../../store/rules.ts'
import { Notice, Skeleton } from '../../ui/bits.tsx'
import { reaches } from '../../ui/reach.ts'
import { fail, tell } from '../../ui/toasts.ts'
import '../../styles/rules.css'
import { Editor } from './editor.tsx'
import { begin, type Editing, isEdited, NEW, overtaken, reading } from './form.ts'
import { LiveTest } from './live-test.ts'
import { RulesView } from './rules.tsx'
import { TestView } from './test-view.tsx'
import { problemsByKey } from './words.ts'
import { YamlDialog } from './yaml.tsx'

const NONE: ReadonlyMap<string, string> = new Map()
const focusList = () => requestAnimationFrame(() => document.querySelector<HTMLElement>('.rule[tabindex="0"]')?.focus())
const focusEditor = () => requestAnimationFrame(() => document.querySelector<HTMLElement>('.rule-editor :is(input, button[aria-pressed]):not(:disabled)')?.focus())

const invalid = (error: unknown) => (error instanceof Problem && error.errors.length > 0 ? problemsByKey(error.errors) : null)

/** What is tried goes by a name of its own while it has no id. */
function candidateOf(editing: Editing): SentRule {
  const rule = reading(editing)
  return editing.base === null ? Object.assign({}, rule, { id: NEW, name: rule.name || 'A new rule', position: 0 }) : rule
}

export function WiredRules({ project, onScreen }: { project: OpenProject; onScreen(ids: readonly string[]): void }) {
  const { rules } = project
  const items = rules.items.value
  const [wanted, setWanted] = useState<{ id: string | null; place: number }>({ id: null, place: 0 })
  const [edits, setEdits] = useState<ReadonlyMap<string, Editing>>(new Map())
  const [refused, setRefused] = useState<{ id: string; problems: ReadonlyMap<string, string> } | null>(null)
  const [saving, setSaving] = useState(false)
  const [yaml, setYaml] = useState(false)
  const [said, setSaid] = useState('')
  const test = useMemo(() => new LiveTest({ recent: () => api.readRecentRuns(project.id), test: (run, rule, limit) => api.tryRule(project.id, run, rule, limit) }), [project])
  useEffect(() => rules.watch(), [rules])
  useEffect(() => onScreen([]), [onScreen])
  const run = project.runs.line.value
  const ended = run?.done === true ? run.id : null
  useEffect(() => {
    void test.load()
    return () => test.stop()
  }, [test, ended])

  const list = items ?? []
  const fresh = edits.get(NEW) ?? null
  // What was deleted makes room: the keyboard is at what stands in its place now. What somebody edits stays.
  const at = wanted.id === NEW && fresh !== null ? NEW : wanted.id !== null && (edits.has(wanted.id) || list.some((rule) => rule.id === wanted.id)) ? wanted.id : (list[Math.min(wanted.place, list.length - 1)]?.id ?? null)
  const now = list.find((rule) => rule.id === at)
  const editing = useMemo(() => (at === null ? null : (edits.get(at) ?? (now === undefined ? null : begin(now)))), [at, edits, now])
  const edited = editing !== null && isEdited(editing)
  const readonly = project.role.value !== 'owner'
  const asked = useMemo(() => (editing === null || !edited ? null : candidateOf(editing)), [editing, edited])
  // Read the rules anew, too: what is so may have become something else.
  useEffect(() => test.ask(asked), [test, asked, items])
  const kinds = project.kinds.value
  const labelOf = useCallback((name: string) => kinds.find((kind) => kind.name === name)?.label.toLowerCase() ?? name, [kinds])
  const fieldNames = useMemo(() => [...new Set(kinds.flatMap((kind) => kind.fields.map((field) => field.name)))].toSorted(), [kinds])
  const editedIds = useMemo(() => new Set([...edits].filter(([, one]) => isEdited(one)).map(([id]) => id)), [edits])

  const keep = (id: string, change: (editing: Editing) => Editing) => {
    if (editing === null) return
    setEdits((all) => new Map([...all, [id, change(all.get(id) ?? editing)]]))
    if (refused?.id === id) setRefused(null)
  }
  const forget = (id: string) => {
    const rest = new Map(edits)
    rest.delete(id)
    setEdits(rest)
    if (refused?.id === id) setRefused(null)
  }
  const goTo = useCallback((id: string) => setWanted({ id, place: Math.max(0, (rules.items.peek() ?? []).findIndex((rule) => rule.id === id)) }), [rules])
  const attempt = async (what: () => Promise<unknown>) => {
    if (readonly || !reaches()) return false
    try {
      await what()
      return true
    } catch (error) {
      fail(error)
      return false
    }
  }
  const onSwitch = (rule: Rule) => void attempt(async () => {
    await rules.switch(rule.id, !rule.enabled)
    setSaid(`${rule.name} is switched ${rule.enabled ? 'off' : 'on'}.`)
  })
  const latest = useRef(onSwitch)
  latest.current = onSwitch
  const stableSwitch = useCallback((rule: Rule) => latest.current(rule), [])
  const move = (id: string, to: number) => {
    const rule = list.find((one) => one.id === id)
    if (rule === undefined || to < 0 || to >= list.length || to === rule.position) return
    goTo(id)
    setSaid(`${rule.name} is now asked as number ${to + 1} of ${list.length}.`)
    void attempt(() => rules.move(id, to))
  }
  const remove = (rule: Rule) => void attempt(async () => {
    const gone = await rules.remove(rule.id)
    forget(rule.id)
    setWanted({ id: null, place: rule.position })
    focusList()
    tell(`The rule “${gone.name}” is deleted.`, 'What follows is asked instead.', { words: 'Undo', run: () => void rules.save(null, Object.assign(sent(gone), { position: gone.position })).then(() => goTo(gone.id), fail) })
  })
  const save = async () => {
    if (editing === null || at === null || saving || readonly || !edited || !reaches()) return
    setSaving(true)
    try {
      const rule = reading(editing)
      // What was switched meanwhile stays as it is; one that was deleted comes back where it was.
      const body = at === NEW ? Object.assign({}, rule, { position: 0 }) : now === undefined ? Object.assign({}, rule, { id: at, position: editing.base?.position ?? 0 }) : Object.assign({}, rule, { enabled: now.enabled })
      const saved = await rules.save(at === NEW ? null : at, body)
      forget(at)
      setWanted({ id: saved.id, place: saved.position })
      setSaid(`${saved.name} is saved.`)
      focusList()
    } catch (error) {
      const problems = invalid(error)
      if (problems === null) fail(error)
      else {
        setRefused({ id: at, problems })
        requestAnimationFrame(() => document.querySelector<HTMLElement>('.rule-editor [aria-invalid=true]')?.focus())
      }
    } finally {
      setSaving(false)
    }
  }
  const onNew = () => {
    if (readonly || !reaches()) return
    if (fresh === null) setEdits(new Map([...edits, [NEW, begin(null)]]))
    setWanted({ id: NEW, place: 0 })
    focusEditor()
  }
  const discard = () => {
    if (at === null) return
    forget(at)
    if (at === NEW) setWanted({ id: null, place: 0 })
    focusList()
  }

  if (items === null) {
    if (rules.error.value === null) return <div class="pad"><Skeleton words="Loading the rules…" rows={8} /></div>
    const { what, next } = explain(rules.error.value)
    return <Notice icon="circle-alert" title="The rules cannot be shown"><p>{what} {next}</p><p class="actions"><button type="button" onClick={() => void rules.load()}>Try again</button></p></Notice>
  }
  const tried = test.error.value
  const problems = refused !== null && refused.id === at ? refused.problems : edited ? (invalid(tried) ?? NONE) : NONE
  return (
    <RulesView items={items} at={at} fresh={fresh === null ? null : reading(fresh)} edited={editedIds} washes={rules.washes.value} readonly={readonly} said={said} labelOf={labelOf}
      onAt={goTo} onSwitch={stableSwitch} onMove={move} onRemove={remove} onNew={onNew} onEdit={focusEditor} onYaml={() => setYaml(true)}>
      {editing !== null && at !== null && (
        <>
          <Editor id={at} editing={editing} edited={edited} overtaken={edits.has(at) && edited ? overtaken(editing, now) : null} readonly={readonly} saving={saving} problems={problems} kinds={kinds} statuses={project.statuses.value} fieldNames={fieldNames} labelOf={labelOf}
            onChange={(change) => keep(at, (one) => Object.assign({}, one, { rule: Object.assign({}, one.rule, change) }))}
            onType={(change) => keep(at, (one) => Object.assign({}, one, { typed: Object.assign({}, one.typed, change) }))}
            onSave={() => void save()} onDiscard={discard} onRemove={() => now !== undefined && remove(now)} onLeave={focusList} />
          <TestView rows={test.rows.value} busy={test.busy.value} error={tried} ruleId={at} edited={asked !== null} nameOf={(id) => project.names.of(id)} />
        </>
      )}
      {yaml && <YamlDialog name={project.id} readonly={readonly} read={() => api.readRulesText(project.id)} onClose={() => setYaml(false)} replace={async (text) => {
        await api.putRulesText(project.id, text)
        await rules.load()
        tell('The rules are replaced.', 'What there was before is in the audit trail.')
      }} />}
    </RulesView>
  )
}
