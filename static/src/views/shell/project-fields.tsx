/** The name and the id of a project to be, each with what is wrong with it beside it. */
import { useRef } from 'preact/hooks'
import { explain, Problem } from '../../api/problem.ts'

/** An id out of a name: what a URL likes to hold. Letters of every script stay. */
export function idFor(name: string): string {
  const bare = name.normalize('NFD').replaceAll(/[\u0300-\u036f]/g, '').normalize('NFC').toLowerCase()
  return bare.replaceAll(/[^\p{L}\p{N}]+/gu, '-').replaceAll(/^-+|-+$/g, '').slice(0, 64).replace(/-+$/, '')
}

/** What the server says of one field. */
export function problemOf(error: unknown, field: string): string | null {
  if (!(error instanceof Problem)) return null
  const found = error.errors.find((e) => e.field === field || e.field.endsWith(`.${field}`))
  if (found !== undefined) return `${found.message[0]?.toUpperCase() ?? ''}${found.message.slice(1)}.`.replace(/\.\.$/, '.')
  return field === 'id' && (error.code === 'conflict' || error.code === 'in_use') ? error.message : null
}

export interface NameFieldsProps {
  name: string
  id: string
  error: unknown
  onName(name: string): void
  onId(id: string): void
}

export function NameFields({ name, id, error, onName, onId }: NameFieldsProps) {
  const own = useRef(id !== idFor(name))
  const [wrongName, wrongId] = [problemOf(error, 'name'), problemOf(error, 'id')]
  return (
    <>
      <label class="stack">Name
        <input type="text" name="name" dir="auto" required maxLength={200} value={name} data-testid="project-name" aria-invalid={wrongName !== null || undefined} aria-describedby={wrongName === null ? undefined : 'name-wrong'} onInput={(event) => {
          const to = event.currentTarget.value
          onName(to)
          if (!own.current) onId(idFor(to))
        }} />
        {wrongName !== null && <small id="name-wrong" class="bad" role="alert">{wrongName}</small>}
      </label>
      <label class="stack">Id, as it stands in links
        <input type="text" name="id" class="mono" value={id} data-testid="project-id" aria-invalid={wrongId !== null || undefined} aria-describedby={wrongId === null ? undefined : 'id-wrong'} onInput={(event) => {
          own.current = event.currentTarget.value !== ''
          onId(event.currentTarget.value)
        }} />
        {wrongId !== null && <small id="id-wrong" class="bad" role="alert">{wrongId}</small>}
      </label>
    </>
  )
}

/** What is wrong but belongs to no field that is shown. */
export function Rest({ error, fields }: { error: unknown; fields: readonly string[] }) {
  if (error === null || fields.some((field) => problemOf(error, field) !== null)) return null
  const { what, next } = explain(error)
  return <p class="bad" role="alert">{what} {next}</p>
}
