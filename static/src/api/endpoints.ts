/** The routes the page uses, each as a function with the shapes of the REST page. */
import type { Answer, Dependencies, Diff, Entity, Fields, Impact, Kind, Me, Page, Picture, Policy, Project, Reference, Resolved, Version } from '../types.ts'
import { get, patch, post, request } from './http.ts'

const enc = encodeURIComponent
const project = (pid: string) => `/projects/${enc(pid)}`
const asset = (pid: string, id: string, tail: string, query = '') => `/assets/${enc(id)}/${tail}?project_id=${enc(pid)}${query}`

export const readMe = () => get<Me>('/me')
export const login = (token: string) => post<unknown>('/login', { token })
export const logout = () => post<unknown>('/logout')
export const listProjects = () => get<Page<Project>>('/projects?limit=200')
export const readProject = (pid: string) => get<Project>(project(pid))
export const readKinds = async (pid: string) => (await get<{ kinds: Kind[] }>(`${project(pid)}/kinds`)).kinds

const PAGE = 500

/** A page of resolved entities of a kind, in id order. */
export const readResolvedPage = (pid: string, kind: string, limit: number, cursor: string | null) =>
  get<Page<Resolved>>(`${project(pid)}/resolved?kind=${enc(kind)}&limit=${limit}${cursor === null ? '' : `&cursor=${enc(cursor)}`}`)

/** Every resolved entity of a kind after `from`, page by page; `each` sees a page as soon as it is there. */
export async function readResolvedKind(pid: string, kind: string, each: (items: Resolved[]) => void, from: string | null = null): Promise<void> {
  let cursor = from
  do {
    const page: Page<Resolved> = await readResolvedPage(pid, kind, PAGE, cursor)
    each(page.items)
    cursor = page.next_cursor
  } while (cursor !== null)
}

export const BULK = 200

/** Up to `BULK` ids; ids that are gone are missing from the answer. */
export async function readResolvedIds(pid: string, ids: readonly string[]): Promise<Resolved[]> {
  const query = ids.map((id) => `id=${enc(id)}`).join('&')
  return (await get<Page<Resolved>>(`${project(pid)}/resolved?${query}&limit=${BULK}`)).items
}

export const readResolved = (pid: string, id: string) => get<Resolved>(`${project(pid)}/entities/${enc(id)}/resolved`)
export const readEntity = (pid: string, id: string) => get<Entity>(`${project(pid)}/entities/${enc(id)}`)
export const findEntities = (pid: string, q: string, limit = 40) =>
  get<Page<Entity>>(`${project(pid)}/entities?q=${enc(q)}&limit=${limit}`)
export const patchEntity = (pid: string, id: string, change: { name?: string; status?: string; fields?: Fields }) =>
  patch<unknown>(`${project(pid)}/entities/${enc(id)}`, change)
/** One step and one run for all of them. */
export const setStatuses = (pid: string, ids: readonly string[], status: string) => post<Answer>(`${project(pid)}/statuses`, { ids, status })
export const patchReference = (pid: string, id: string, change: { policy: Policy; version?: number }) =>
  patch<unknown>(`${project(pid)}/references/${enc(id)}`, change)

const pictures = (pid: string, id: string) => `${project(pid)}/entities/${enc(id)}/pictures`
export const uploadPicture = (pid: string, id: string, image: Blob) => post<Picture>(pictures(pid, id), image)
/** Newest first; the first one is what the entity shows. */
export const readPictures = (pid: string, id: string) => get<Page<Picture>>(pictures(pid, id))
export const deletePicture = (pid: string, id: string, picture: string) =>
  request<{ picture: Picture | null }>('DELETE', `${pictures(pid, id)}/${enc(picture)}`)

export const publish = (pid: string, id: string) => post<Answer>(asset(pid, id, 'publish'))
export const readImpact = (pid: string, id: string, change: Fields) => post<Impact>(asset(pid, id, 'impact'), { change_data: change })
export const readDependencies = (pid: string, id: string, depth: number) =>
  get<Dependencies>(asset(pid, id, 'dependencies', `&depth=${depth}&include_shots=true`))
export const readVersions = (pid: string, id: string, cursor: string | null) =>
  get<Page<Version>>(asset(pid, id, 'versions', `&limit=20${cursor === null ? '' : `&cursor=${enc(cursor)}`}`))
export const readDiff = (pid: string, id: string, from: number, to: number) =>
  get<Diff>(asset(pid, id, 'diff', `&from=${from}&to=${to}`))
export const rollback = (pid: string, id: string, number: number, reason: string, dry: boolean) =>
  post<Answer>(asset(pid, id, 'rollback'), {
    version_number: number,
    ...(reason === '' ? {} : { reason }),
    ...(dry ? { dry_run: true } : {}),
  })
export const cancelRun = (id: string) => post<unknown>(`/runs/${enc(id)}/cancel`)

/** A reference to make; what is not said is as the server has it by default. */
export interface NewReference {
  source: string
  target: string
  role?: string
  policy?: Policy
  version?: number
  overrides?: Fields
  order?: string
}

export type ChangedReferences = Answer & { references: Reference[]; unchanged: Reference[] }

/** Makes references and takes others away: one step, one run, all or nothing. */
export const changeReferences = (pid: string, change: { add?: readonly NewReference[]; remove?: readonly string[] }) =>
  post<ChangedReferences>(`${project(pid)}/references/bulk`, change)
