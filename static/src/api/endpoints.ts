/** The routes the page uses, each as a function with the shapes of the REST page. */
import type { Answer, Approval, ApprovalPage, AuditEntry, Decision, Dependencies, Diff, Entity, Fields, Impact, Imported, Json, Kind, Me, Page, Picture, Policy, Project, Reference, Resolved, RestoreImpact, RunRollback, Story, Version } from '../types.ts'
import { get, patch, post, remove, request } from './http.ts'

const enc = encodeURIComponent
const project = (pid: string) => `/projects/${enc(pid)}`
const asset = (pid: string, id: string, tail: string, query = '') => `/assets/${enc(id)}/${tail}?project_id=${enc(pid)}${query}`

export const readMe = () => get<Me>('/me')
export const login = (token: string) => request<Me>('POST', '/login', { token })
export const logout = () => request<unknown>('POST', '/logout', {})
export const listProjects = () => get<Page<Project>>('/projects?limit=200')
export const readProject = (pid: string) => get<Project>(project(pid))
export const createProject = (name: string, id: string) => post<Project>('/projects', { name, ...(id === '' ? {} : { id }) })
export const patchProject = (pid: string, change: { name?: string; settings?: { [name: string]: Json } }) => patch<Project>(project(pid), change)
/** The newest entry of the audit trail: who changed something last, and when. */
export const readLastChange = async (pid: string) => (await get<Page<AuditEntry>>(`${project(pid)}/audit?limit=1`)).items[0] ?? null
export const readFirst = (pid: string, kind: string, limit: number) => get<Page<Resolved>>(`${project(pid)}/resolved?kind=${enc(kind)}&limit=${limit}`)
export type FileFormat = 'json' | 'fountain'
export const importFile = (pid: string, format: FileFormat, file: Blob, dry: boolean) =>
  post<Imported>(`${project(pid)}/import?format=${format}${dry ? '&dry_run=true' : ''}`, new Blob([file], { type: format === 'json' ? 'application/json' : 'text/plain' }))
export const exportUrl = (pid: string) => `/api/v1${project(pid)}/export?format=json`
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
export const patchReference = (pid: string, id: string, change: { policy?: Policy; version?: number; overrides?: Fields }) =>
  patch<unknown>(`${project(pid)}/references/${enc(id)}`, change)
export const createEntity = (pid: string, entity: { kind: string; name: string; id?: string; fields?: Fields }) => post<Entity>(`${project(pid)}/entities`, entity)
export const createReference = (pid: string, source: string, target: string) => post<Reference>(`${project(pid)}/references`, { source, target })
export const deleteReference = (pid: string, id: string) => remove<unknown>(`${project(pid)}/references/${enc(id)}`)

const pictures = (pid: string, id: string) => `${project(pid)}/entities/${enc(id)}/pictures`
/** Newest first; the first one is what the entity shows. */
export const readStory = (pid: string, id: string) => get<Story>(`${project(pid)}/entities/${enc(id)}/story`)
export const readPictures = (pid: string, id: string) => get<Page<Picture>>(pictures(pid, id))
export const uploadPicture = (pid: string, id: string, file: Blob) => post<Picture>(pictures(pid, id), file)
export const deletePicture = (pid: string, id: string, picture: string) => remove<{ picture: Picture | null }>(`${pictures(pid, id)}/${enc(picture)}`)

export const approve = (pid: string, id: string, number: number) => post<unknown>(asset(pid, id, 'approved'), { version_number: number })
export const readVersion = (pid: string, id: string, number: number) => get<Version>(asset(pid, id, `versions/${number}`))
/** `plan` names what was shown: then it is done only if that is still so. */
export const publish = (pid: string, id: string, plan?: string) => post<Answer>(asset(pid, id, 'publish'), plan === undefined ? {} : { plan_hash: plan })
/** What publishing the draft would do. */
export const readPublication = (pid: string, id: string) => post<Impact>(asset(pid, id, 'publish'), { dry_run: true })
export const readDependencies = (pid: string, id: string, depth: number) =>
  get<Dependencies>(asset(pid, id, 'dependencies', `&depth=${depth}&include_shots=true`))
export const readVersions = (pid: string, id: string, cursor: string | null) =>
  get<Page<Version>>(asset(pid, id, 'versions', `&limit=20${cursor === null ? '' : `&cursor=${enc(cursor)}`}`))
export const readDiff = (pid: string, id: string, from: number, to: number) =>
  get<Diff>(asset(pid, id, 'diff', `&from=${from}&to=${to}`))
/** All of an entity, or one field of it, as a version had it. */
export const rollback = (pid: string, id: string, number: number, reason: string, dry: boolean, field?: string) =>
  post<Answer>(asset(pid, id, 'rollback'), {
    version_number: number,
    ...(field === undefined ? {} : { fields: [field] }),
    ...(reason === '' ? {} : { reason }),
    ...(dry ? { dry_run: true } : {}),
  })
export const cancelRun = (id: string) => post<unknown>(`/runs/${enc(id)}/cancel`)
export const retryRun = (id: string) => post<unknown>(`/runs/${enc(id)}/retry?wait=0`)
/** What rolling back a whole run would do. */
export const readRollback = (id: string) => post<Impact>(`/runs/${enc(id)}/rollback`, { dry_run: true })
/** Does it, if it still is what was shown. */
export const rollbackRun = (id: string, reason: string, plan: string) =>
  post<RunRollback>(`/runs/${enc(id)}/rollback?wait=0`, { plan_hash: plan, ...(reason === '' ? {} : { reason }) })

/** What bringing a whole project back to a time would do. */
export const readRestoration = (pid: string, to: string) => post<RestoreImpact>(`${project(pid)}/restore`, { to, dry_run: true })
/** Does it, if it still is what was shown. */
export const restoreProject = (pid: string, to: string, reason: string, plan?: string) =>
  post<Answer>(`${project(pid)}/restore`, { to, ...(plan === undefined ? {} : { plan_hash: plan }), ...(reason === '' ? {} : { reason }) })

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

export const readApprovals = (pid: string, limit: number, cursor: string | null) =>
  get<ApprovalPage>(`${project(pid)}/approvals?limit=${limit}${cursor === null ? '' : `&cursor=${enc(cursor)}`}`)
export const readApproval = (pid: string, id: string) => get<Approval>(`${project(pid)}/approvals/${enc(id)}`)
/** Answers as soon as it is decided; what follows from it comes by frames. */
export const decideApprovals = (pid: string, ids: readonly string[], decision: Decision, planHash: string, comment: string) =>
  post<Answer>(`${project(pid)}/approvals/decide?wait=0`, { ids, decision, plan_hash: planHash, comment })
