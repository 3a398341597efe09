/** JSON over HTTP: one function, one kind of error. */
import type { Json } from '../types.ts'
import { type FieldProblem, Problem } from './problem.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
type Unauthenticated = () => void

let unauthenticated: Unauthenticated = () => undefined

/** Called for every 401, so that one place shows the login. */
export function onUnauthenticated(then: Unauthenticated): void {
  unauthenticated = then
}

let barred: () => string | null = () => null

/** Nothing that changes something is tried while `why` has a reason not to: it would hang, or fail half-way. */
export function barChanges(why: () => string | null): void {
  barred = why
}

function toProblem(status: number, body: unknown): Problem {
  const b = (typeof body === 'object' && body !== null ? body : {}) as { [key: string]: Json }
  const word = (key: string, fallback: string) => (typeof b[key] === 'string' ? b[key] : fallback)
  const errors = Array.isArray(b['errors']) ? (b['errors'] as unknown as FieldProblem[]) : []
  return new Problem(status, word('code', 'unknown'), word('title', `The server answered ${status}`), word('detail', ''), errors)
}

/** Resolves with the decoded body (`undefined` for none); rejects with a `Problem`. A `Blob` is sent as it is. */
export async function request<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const text = await ask(method, path, body, 'application/json')
  return read(text) as T
}

function read(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

async function ask(method: Method, path: string, body: unknown, accept: string): Promise<string> {
  const headers: Record<string, string> = { accept }
  if (body !== undefined) headers['content-type'] = body instanceof Blob ? body.type || 'application/octet-stream' : 'application/json'
  if (method !== 'GET') headers['idempotency-key'] = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
    })
  } catch {
    throw new Problem(0, 'unreachable', 'The server cannot be reached', 'The server cannot be reached.')
  }
  const text = await response.text()
  if (!response.ok) {
    if (response.status === 401) unauthenticated()
    throw toProblem(response.status, read(text))
  }
  return text
}

function change<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const why = barred()
  return why === null ? request<T>(method, path, body) : Promise.reject(new Problem(0, 'offline', why, why))
}

export const get = <T>(path: string) => request<T>('GET', path)
/** As the server writes it, in another type than JSON. */
export const getText = (path: string, accept: string) => ask('GET', path, undefined, accept)
export const post = <T>(path: string, body: unknown = {}) => change<T>('POST', path, body)
export const put = <T>(path: string, body: unknown) => change<T>('PUT', path, body)
export const patch = <T>(path: string, body: unknown) => change<T>('PATCH', path, body)
export const remove = <T>(path: string) => change<T>('DELETE', path)
