/** Before a file is imported: what it would do, in words; then, when confirmed, it is done. */
import { useEffect, useState } from 'preact/hooks'
import * as api from '../../api/endpoints.ts'
import { explain, Problem } from '../../api/problem.ts'
import { glance, type ImportFile, importLists, importWords } from '../../store/importing.ts'
import type { Imported, Project } from '../../types.ts'
import { Skeleton } from '../../ui/bits.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { tell } from '../../ui/toasts.ts'
import { needsServer } from '../../ui/reach.ts'
import { idFor, NameFields } from './project-fields.tsx'

export interface ImportProps {
  file: ImportFile
  /** Where it may go; the first is proposed. */
  projects: readonly Pick<Project, 'id' | 'name'>[]
  /** May a new project be made of it? */
  mayCreate: boolean
  onDone(project: string): void
  onClose(): void
}

const NEW = ''

function Lists({ found }: { found: Imported }) {
  return (
    <div class="import-lists">
      {importLists(found).map((list) => (
        <details key={list.id} open={list.rows.length <= 12} data-import-list={list.id}>
          <summary>{list.title} <span class="dim">{list.rows.length}</span></summary>
          <ul>{list.rows.map((row) => <li key={row.key}><bdi>{row.what}</bdi>{row.more !== '' && <span class="dim"> {row.more}</span>}</li>)}</ul>
        </details>
      ))}
    </div>
  )
}

/** A refused file: each problem with its line. */
function Refused({ error, name }: { error: unknown; name: string }) {
  const { what, next } = explain(error)
  const errors = error instanceof Problem ? error.errors : []
  const detail = error instanceof Problem ? error.message || error.title : what
  return (
    <div class="refused" role="alert" data-import-refused>
      <p class="bad">{detail}</p>
      {errors.length > 0 && <ul>{errors.slice(0, 100).map((e) => <li key={`${e.line ?? ''} ${e.field} ${e.message}`}><span class="mono">{e.line === undefined ? e.field : `line ${e.line}`}</span> {e.message}</li>)}</ul>}
      <p>{error instanceof Problem && error.status < 500 && error.status > 0 ? `${/nothing was imported/i.test(detail) ? '' : 'Nothing was imported. '}Correct ${name}, then drop it again.` : next}</p>
    </div>
  )
}

/** What the file would do to a project, asked anew for each. */
function useDryRun(file: ImportFile, into: string) {
  const [state, setState] = useState<{ into: string; found: Imported | null; error: unknown } | null>(null)
  useEffect(() => {
    if (into === NEW) return
    let gone = false
    api.importFile(into, file.format, file.file, true).then((found) => !gone && setState({ into, found, error: null }), (error: unknown) => !gone && setState({ into, found: null, error }))
    return () => {
      gone = true
    }
  }, [file, into])
  return state?.into === into ? state : null
}

function summary(found: Imported): string {
  return importWords(found, true)
}

export function ImportDialog({ file, projects, mayCreate, onDone, onClose }: ImportProps) {
  const seen = glance(file)
  const [into, setInto] = useState(projects[0]?.id ?? NEW)
  const proposed = seen.title || file.name.replace(/\.[^.]+$/, '')
  const [name, setName] = useState(proposed)
  const [id, setId] = useState(idFor(proposed))
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<unknown>(null)
  const tried = useDryRun(file, into)
  const run = async () => {
    setBusy(true)
    setFailed(null)
    let target = into
    try {
      if (into === NEW) target = (await api.createProject(name.trim(), id.trim())).id
      const found = await api.importFile(target, file.format, file.file, false)
      tell(`${file.name} is imported.`, summary(found))
      onDone(target)
    } catch (error) {
      setFailed(error)
      // The project is there by now: what is tried next goes into it.
      if (target !== into) setInto(target)
      setBusy(false)
    }
  }
  const error = failed ?? tried?.error ?? null
  const found = tried?.found ?? null
  const nothing = found !== null && (found.created ?? 0) + (found.updated ?? 0) + (found.removed?.length ?? 0) === 0
  const ready = into === NEW ? seen.problem === '' || file.format === 'fountain' : found !== null && !nothing
  return (
    <Dialog title={`Import ${file.name}`} hook="import" class="wide" onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault()
        void run()
      }}>
        {(projects.length > 1 || (mayCreate && projects.length > 0)) && (
          <label class="stack">Into
            <select value={into} data-testid="import-into" onChange={(event) => {
              setFailed(null)
              setInto(event.currentTarget.value)
            }}>
              {projects.map((p) => <option key={p.id} value={p.id}>{p.name}</option>)}
              {mayCreate && <option value={NEW}>A new project</option>}
            </select>
          </label>
        )}
        {into === NEW && <p>{seen.words}</p>}
        {into === NEW && seen.problem !== '' && <p class="bad" role="alert">{seen.problem}</p>}
        {into === NEW && <NameFields name={name} id={id} error={failed} onName={setName} onId={setId} />}
        {into !== NEW && tried === null && <Skeleton words="Trying it without changing anything…" rows={3} />}
        {found !== null && error === null && (
          <div data-import-preview>
            {found.screenplay?.title !== undefined && found.screenplay.title !== null && <p><b>{found.screenplay.title}</b></p>}
            {file.format === 'json' && seen.words !== '' && <p class="dim">{seen.words}</p>}
            <p>{importWords(found, false)}</p>
            <Lists found={found} />
          </div>
        )}
        {error !== null && (into !== NEW || !(error instanceof Problem && error.errors.some((e) => e.field === 'name' || e.field === 'id'))) && <Refused error={error} name={file.name} />}
        {error === null && <p class="dim">Nothing is changed before you import. It is all or nothing, and everything it changes can be rolled back.</p>}
        <p class="actions">
          <button type="button" onClick={onClose}>{nothing ? 'Close' : 'Leave it'}</button>
          <button type="submit" class="primary" data-testid="import-confirm" {...needsServer(busy || !ready)}>{busy ? 'Importing…' : into === NEW ? 'Create the project and import' : 'Import'}</button>
        </p>
      </form>
    </Dialog>
  )
}
