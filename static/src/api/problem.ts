/** A refusal of the server (RFC 9457), or of the network on the way to it. */
/** One thing that is wrong with what was sent; a file's problems name their line. */
export interface FieldProblem {
  field: string
  message: string
  line?: number
}

export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly errors: readonly FieldProblem[]

  constructor(status: number, code: string, title: string, detail: string, errors: readonly FieldProblem[] = []) {
    super(detail)
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.title = title
    this.errors = errors
  }
}

const NEXT: { [code: string]: string } = {
  offline: 'Nothing was changed.',
  unauthenticated: 'Check that the whole token was pasted.',
  somebody_else: 'Paste one of theirs; or sign out, which gives up what waits.',
  unreachable: 'Nothing was changed. Try again when the connection is back.',
  conflict: 'Nothing was overwritten. Look at the newest version, then try again.',
  stale_plan: 'Nothing was changed. Look at what would change once more, then decide.',
  in_use: 'Nothing was changed. Remove it from what uses it first.',
  cycle: 'Nothing was changed. Choose another source for this reference.',
  invalid: 'Nothing was changed. Correct the value and try again.',
  forbidden: 'Nothing was changed. Ask an owner of the project for the right to do this.',
  not_found: 'It may have been deleted. Nothing else is affected.',
  too_large: 'Nothing was changed. Make it smaller and try again.',
  rate_limited: 'Nothing is lost. Wait a moment and try again.',
}

/** What happened, what is safe, what to do next: one sentence each. */
export function explain(error: unknown): { what: string; next: string } {
  if (error instanceof Problem) {
    const fields = error.errors.map((e) => `${e.field}: ${e.message}`).join('; ')
    const what = [error.message || error.title, fields].filter(Boolean).join(' ')
    return { what, next: NEXT[error.code] ?? 'What was saved before is safe. Try again, or reload the page.' }
  }
  return { what: error instanceof Error ? error.message : String(error), next: 'What was saved before is safe. Reload the page.' }
}
