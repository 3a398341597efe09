/** One rule, to be edited: its conditions as what can be chosen or typed, each with what is wrong with it. */
import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { AUTHORS, CLASSES, PHASES, type SentRule, VERDICTS } from '../../api/rules.ts'
import type { Kind } from '../../types.ts'
import { Icon, iconName } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'
import { type Editing, NEW } from './form.ts'
import { ACTIONS, CLASS_WORDS, PHASE_WORDS, ruleWords } from './words.ts'

export interface EditorProps {
  id: string
  editing: Editing
  edited: boolean
  overtaken: 'changed' | 'gone' | null
  readonly: boolean
  saving: boolean
  problems: ReadonlyMap<string, string>
  kinds: readonly Kind[]
  statuses: readonly string[]
  fieldNames: readonly string[]
  labelOf(kind: string): string
  onChange(rule: Partial<SentRule>): void
  onType(typed: Partial<Editing['typed']>): void
  onSave(): void
  onDiscard(): void
  onRemove(): void
  /** Back to the list. */
  onLeave(): void
}

interface PartProps {
  name: string
  label: string
  hint?: string
  problem: string | undefined
  children(ids: { id: string; 'aria-invalid'?: true; 'aria-describedby'?: string }): ComponentChildren
}

function Part({ name, label, hint, problem, children }: PartProps) {
  const id = useId()
  const group = name !== 'name' && name !== 'fields' && name !== 'roles' && name !== 'affected_over' && name !== 'phase'
  return (
    <div class="field rule-field" data-rule-field={name}>
      {group ? <span class="label" id={`${id}-label`}>{label}</span> : <label htmlFor={id}>{label}</label>}
      <div>
        {children({ id: group ? `${id}-label` : id, ...(problem === undefined ? {} : { 'aria-invalid': true as const, 'aria-describedby': `${id}-problem` }) })}
        {hint !== undefined && problem === undefined && <p class="dim hint">{hint}</p>}
        {problem !== undefined && <p class="bad" role="alert" id={`${id}-problem`} data-problem={name}><Icon name="circle-alert" size={14} />{problem}</p>}
      </div>
    </div>
  )
}

interface ChipsProps {
  labelledBy: string
  all: readonly { value: string; words: string; icon?: ComponentChildren; kind?: string }[]
  chosen: readonly string[]
  none: string
  onChange(chosen: string[]): void
}

/** Any of a few; with none of them chosen all are meant. */
function Chips({ labelledBy, all, chosen, none, onChange }: ChipsProps) {
  const unknown = chosen.filter((value) => !all.some((one) => one.value === value)).map((value) => ({ value, words: value, icon: undefined, kind: undefined }))
  return (
    <div class="chips" role="group" aria-labelledby={labelledBy}>
      {[...all, ...unknown].map(({ value, words, icon, kind }) => {
        const on = chosen.includes(value)
        return <button type="button" key={value} aria-pressed={on} data-value={value} data-kind={kind} onClick={() => onChange(on ? chosen.filter((one) => one !== value) : [...chosen, value].toSorted())}>{icon}{words}</button>
      })}
      {chosen.length === 0 && <span class="dim hint">{none}</span>}
    </div>
  )
}

export function Editor(props: EditorProps) {
  const { id, editing, edited, overtaken, readonly, saving, problems, kinds, statuses, fieldNames, onChange, onType, onSave, onDiscard, onRemove, onLeave } = props
  const { rule, typed } = editing
  const fresh = id === NEW
  const list = useId()
  const ofKinds = kinds.map((kind) => ({ value: kind.name, words: kind.label, kind: kind.name, icon: <Icon name={iconName(kind.icon)} size={14} /> }))
  const part = (name: string, label: string, children: PartProps['children'], hint?: string) => <Part name={name} label={label} problem={problems.get(name)} {...(hint === undefined ? {} : { hint })}>{children}</Part>
  return (
    <form class="rule-editor" data-rule-editor={fresh ? '' : id} data-edited={edited ? '' : undefined} aria-label={fresh ? 'A new rule' : rule.name}
      onSubmit={(event) => {
        event.preventDefault()
        onSave()
      }} onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) onSave()
        else if (event.key === 'Escape') onLeave()
        else return
        event.preventDefault()
        event.stopPropagation()
      }}>
      <header>
        <h2>{fresh ? 'A new rule' : 'This rule'}</h2>
        {!readonly && (
          <span class="actions">
            {!fresh && <button type="button" class="quiet" aria-label={`Delete the rule ${rule.name}`} data-tip="Delete this rule" data-testid="rule-delete" {...needsServer(saving)} onClick={onRemove}><Icon name="trash" size={14} /></button>}
            {(edited || fresh) && <button type="button" data-testid="rule-discard" disabled={saving} onClick={onDiscard}>{fresh ? 'Leave it' : 'Discard'}</button>}
            <button type="submit" class="primary" data-testid="rule-save" {...needsServer(saving || !edited)}>{saving ? 'Saving…' : fresh ? 'Add the rule' : 'Save'}</button>
          </span>
        )}
      </header>
      {overtaken !== null && (
        <p class="rule-note" role="status" data-overtaken={overtaken}><Icon name="circle-alert" size={14} /><span>{overtaken === 'gone' ? 'Somebody else deleted this rule meanwhile. Saving makes it again.' : 'Somebody else changed this rule meanwhile. Saving replaces what they made of it.'} <button type="button" class="quiet link-like" data-testid="rule-theirs" onClick={onDiscard}>{overtaken === 'gone' ? 'Let it go' : 'Take theirs'}</button></span></p>
      )}
      {readonly && <p class="rule-note dim"><Icon name="lock" size={14} /><span>An owner changes rules. You can look, and see what they do.</span></p>}
      <p class="rule-says" data-rule-says dir="auto">{ruleWords(rule, props.labelOf)}: <b>{ACTIONS[rule.verdict].words.toLowerCase()}</b>. {ACTIONS[rule.verdict].says}</p>
      <fieldset disabled={readonly}>
        {part('name', 'Name', (ids) => <input {...ids} type="text" dir="auto" maxLength={200} value={rule.name} placeholder="What it is for" onInput={(event) => onChange({ name: event.currentTarget.value })} />)}
        {part('verdict', 'Then', (ids) => (
          <div class="verdicts" role="radiogroup" aria-labelledby={ids.id}>
            {VERDICTS.map((verdict) => (
              <label key={verdict} data-tip={ACTIONS[verdict].says}><input type="radio" name={`verdict-${list}`} value={verdict} checked={rule.verdict === verdict} onChange={() => onChange({ verdict })} /><Icon name={ACTIONS[verdict].icon} size={14} />{ACTIONS[verdict].words}</label>
            ))}
          </div>
        ))}
        <h3>When this changes</h3>
        {part('change_classes', 'What', (ids) => <Chips labelledBy={ids.id} none="any change" all={CLASSES.map((value) => ({ value, words: CLASS_WORDS[value] ?? value }))} chosen={rule.change_classes} onChange={(change_classes) => onChange({ change_classes })} />)}
        {part('source_kinds', 'Of', (ids) => <Chips labelledBy={ids.id} none="anything" all={ofKinds} chosen={rule.source_kinds} onChange={(source_kinds) => onChange({ source_kinds })} />)}
        {part('fields', 'In fields', (ids) => <><input {...ids} type="text" list={list} value={typed.fields} placeholder="any; patterns such as hair*, colour" spellcheck={false} onInput={(event) => onType({ fields: event.currentTarget.value })} /><datalist id={list}>{fieldNames.map((name) => <option key={name} value={name}>{name}</option>)}</datalist></>)}
        {part('author_roles', 'Made by', (ids) => <Chips labelledBy={ids.id} none="anybody" all={AUTHORS.filter((one) => one !== 'viewer').map((value) => ({ value, words: value }))} chosen={rule.author_roles} onChange={(author_roles) => onChange({ author_roles })} />)}
        <h3>And reaches this</h3>
        {part('target_kinds', 'A', (ids) => <Chips labelledBy={ids.id} none="anything" all={ofKinds} chosen={rule.target_kinds} onChange={(target_kinds) => onChange({ target_kinds })} />)}
        {part('target_statuses', 'That is', (ids) => <Chips labelledBy={ids.id} none="in any status" all={statuses.map((value) => ({ value, words: value }))} chosen={rule.target_statuses} onChange={(target_statuses) => onChange({ target_statuses })} />)}
        {part('roles', 'Used as', (ids) => <input {...ids} type="text" value={typed.roles} placeholder="anything; such as wardrobe, worn_by" spellcheck={false} onInput={(event) => onType({ roles: event.currentTarget.value })} />)}
        {part('affected_over', 'More than', (ids) => <span class="measured"><input {...ids} type="text" inputMode="numeric" class="line" value={typed.affected_over} placeholder="any number" onInput={(event) => onType({ affected_over: event.currentTarget.value })} /><span class="dim">depend on what changes</span></span>)}
        <h3>Then, in its run</h3>
        {part('phase', 'It comes', (ids) => <select {...ids} value={rule.phase ?? ''} onChange={(event) => onChange({ phase: event.currentTarget.value === '' ? null : event.currentTarget.value })}><option value="">As it would anyway</option>{PHASES.map((value) => <option key={value} value={value}>{PHASE_WORDS[value]}</option>)}</select>)}
      </fieldset>
      {[...problems].filter(([key]) => !KNOWN.has(key)).map(([key, message]) => <p key={key} class="bad" role="alert" data-problem={key}>{key}: {message}</p>)}
    </form>
  )
}

const KNOWN = new Set(['name', 'verdict', 'change_classes', 'source_kinds', 'fields', 'author_roles', 'target_kinds', 'target_statuses', 'roles', 'affected_over', 'phase'])
