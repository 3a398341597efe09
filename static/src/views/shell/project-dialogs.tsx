/** A new project, a new shot, and the settings of a project. */
import { useState } from 'preact/hooks'
import * as api from '../../api/endpoints.ts'
import type { Json, Project } from '../../types.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { needsServer } from '../../ui/reach.ts'
import { idFor, NameFields, problemOf, Rest } from './project-fields.tsx'

/** Runs an action once at a time and keeps what went wrong. */
function useAttempt() {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const attempt = async (action: () => Promise<void>) => {
    setBusy(true)
    setError(null)
    try {
      await action()
    } catch (e) {
      setError(e)
      setBusy(false)
    }
  }
  return { busy, error, attempt }
}

export function NewProject({ onDone, onClose }: { onDone(project: Project): void; onClose(): void }) {
  const [name, setName] = useState('')
  const [id, setId] = useState('')
  const { busy, error, attempt } = useAttempt()
  return (
    <Dialog title="New project" hook="new-project" onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault()
        void attempt(async () => onDone(await api.createProject(name.trim(), id.trim() || idFor(name))))
      }}>
        <NameFields name={name} id={id} error={error} onName={setName} onId={setId} />
        <Rest error={error} fields={['name', 'id']} />
        <p class="actions">
          <button type="button" onClick={onClose}>Leave it</button>
          <button type="submit" class="primary" data-testid="create-project" {...needsServer(busy || name.trim() === '')}>{busy ? 'Creating…' : 'Create project'}</button>
        </p>
      </form>
    </Dialog>
  )
}

export interface NewShotProps {
  project: string
  sequences: readonly { id: string; name: string }[]
  onDone(id: string): void
  onClose(): void
}

export function NewShot({ project, sequences, onDone, onClose }: NewShotProps) {
  const [name, setName] = useState('')
  const [sequence, setSequence] = useState(sequences.at(-1)?.id ?? '')
  const { busy, error, attempt } = useAttempt()
  return (
    <Dialog title="New shot" hook="new-shot" onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault()
        void attempt(async () => {
          const { id } = await api.createEntity(project, { kind: 'shot', name: name.trim() })
          if (sequence !== '') await api.createReference(project, id, sequence)
          onDone(id)
        })
      }}>
        <label class="stack">Name
          <input type="text" name="name" dir="auto" required value={name} placeholder="sh010" data-testid="shot-name" aria-invalid={problemOf(error, 'name') !== null || undefined} onInput={(event) => setName(event.currentTarget.value)} />
          {problemOf(error, 'name') !== null && <small class="bad" role="alert">{problemOf(error, 'name')}</small>}
        </label>
        {sequences.length > 0 && (
          <label class="stack">At the end of
            <select value={sequence} onChange={(event) => setSequence(event.currentTarget.value)}>
              {sequences.map((s) => <option key={s.id} value={s.id}>{s.name}</option>)}
              <option value="">no sequence</option>
            </select>
          </label>
        )}
        <Rest error={error} fields={['name']} />
        <p class="actions">
          <button type="button" onClick={onClose}>Leave it</button>
          <button type="submit" class="primary" data-testid="create-shot" {...needsServer(busy || name.trim() === '')}>{busy ? 'Creating…' : 'Create shot'}</button>
        </p>
      </form>
    </Dialog>
  )
}

const RATIOS: readonly [number, string][] = [[2.39, 'Scope, 2.39 : 1'], [1.85, 'Flat, 1.85 : 1'], [1.7778, 'Wide, 16 : 9'], [1.66, 'European, 1.66 : 1'], [1.3333, 'Academy, 4 : 3'], [1, 'Square, 1 : 1'], [0.5625, 'Upright, 9 : 16']]

export interface SettingsProps {
  project: Project
  mayChange: boolean
  onDone(project: Project): void
  onClose(): void
}

export function ProjectSettings({ project, mayChange, onDone, onClose }: SettingsProps) {
  const before = project.settings ?? {}
  const number = (key: string, otherwise: number) => (typeof before[key] === 'number' ? before[key] : otherwise)
  const [name, setName] = useState(project.name)
  const [ratio, setRatio] = useState(String(number('aspect_ratio', 2.39)))
  const [template, setTemplate] = useState(typeof before['prompt_template'] === 'string' ? before['prompt_template'] : '')
  const [automatic, setAutomatic] = useState(before['automatic_publishing'] !== false)
  const [quiet, setQuiet] = useState(String(number('prose_quiet_seconds', 30)))
  const { busy, error, attempt } = useAttempt()
  const listed = RATIOS.some(([value]) => Math.abs(value - Number(ratio)) < 0.005)
  const changed = (): { [name: string]: Json } => {
    const after: { [name: string]: Json } = { aspect_ratio: Number(ratio), prompt_template: template, automatic_publishing: automatic, prose_quiet_seconds: Number(quiet) }
    return Object.fromEntries(Object.entries(after).filter(([key, value]) => before[key] !== value))
  }
  const wrong = (key: string) => {
    const text = problemOf(error, key)
    return text === null ? null : <small class="bad" role="alert" id={`wrong-${key}`}>{text}</small>
  }
  return (
    <Dialog title="Project settings" hook="project-settings" class="wide" onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault()
        const settings = changed()
        const renamed = name.trim() !== project.name
        if (!renamed && Object.keys(settings).length === 0) return onClose()
        void attempt(async () => onDone(await api.patchProject(project.id, { ...(renamed ? { name: name.trim() } : {}), ...(Object.keys(settings).length > 0 ? { settings } : {}) })))
      }}>
        {!mayChange && <p class="dim">Only an owner of the project changes these.</p>}
        <fieldset disabled={!mayChange}>
          <label class="stack">Name <input type="text" dir="auto" required value={name} data-testid="settings-name" onInput={(event) => setName(event.currentTarget.value)} />{wrong('name')}</label>
          <div class="pair">
            <label class="stack">Aspect ratio
              <select value={listed ? String(RATIOS.find(([value]) => Math.abs(value - Number(ratio)) < 0.005)?.[0]) : ratio} data-testid="settings-aspect" onChange={(event) => setRatio(event.currentTarget.value)}>
                {RATIOS.map(([value, words]) => <option key={value} value={String(value)}>{words}</option>)}
                {!listed && <option value={ratio}>{ratio} : 1</option>}
              </select>
              {wrong('aspect_ratio')}
            </label>
            <label class="stack">Or as a number <input type="number" step="0.01" min="0.2" max="5" value={ratio} onInput={(event) => setRatio(event.currentTarget.value)} /></label>
          </div>
          <label class="stack">Prompt template
            <textarea rows={3} class="mono" value={template} data-testid="settings-prompt" aria-describedby="prompt-help" onInput={(event) => setTemplate(event.currentTarget.value)} />
            <small id="prompt-help">What stands in braces is filled in: {'{name} {framing} {time_of_day} {description} {locations} {characters} {wardrobe} {props} {styles} {others}'}.</small>
            {wrong('prompt_template')}
          </label>
          <label class="tick-line"><input type="checkbox" checked={automatic} data-testid="settings-automatic" onChange={(event) => setAutomatic(event.currentTarget.checked)} />Publish by itself: a choice or a colour at once, a text when one leaves it</label>
          <label class="stack narrow">Publish a text after so many quiet seconds <input type="number" min="0" max="86400" step="1" disabled={!automatic} value={quiet} data-testid="settings-quiet" onInput={(event) => setQuiet(event.currentTarget.value)} /><small>0 leaves it to whoever writes.</small>{wrong('prose_quiet_seconds')}</label>
        </fieldset>
        <Rest error={error} fields={['name', 'aspect_ratio', 'prompt_template', 'prose_quiet_seconds', 'automatic_publishing']} />
        <p class="actions">
          <button type="button" onClick={onClose}>{mayChange ? 'Leave it' : 'Close'}</button>
          {mayChange && <button type="submit" class="primary" data-testid="save-settings" {...needsServer(busy || name.trim() === '')}>{busy ? 'Saving…' : 'Save settings'}</button>}
        </p>
      </form>
    </Dialog>
  )
}
