/** Rules: what a change does to what depends on it; read, changed, tried out, and as YAML. */
import type { Page } from '../types.ts'
import { get, getText, post, put, remove } from './http.ts'

const rules = (pid: string) => `/projects/${encodeURIComponent(pid)}/rules`

export const VERDICTS = ['update', 'notify', 'require_approval', 'mark_stale', 'pin', 'block'] as const
export type Verdict = (typeof VERDICTS)[number]
export const CLASSES = ['visual', 'metadata', 'relationship'] as const
export const AUTHORS = ['viewer', 'editor', 'approver', 'owner'] as const
export const PHASES = ['realtime', 'batch', 'background'] as const

/** A condition that is empty holds always; the first rule whose conditions all hold decides. */
export interface Rule {
  id: string
  name: string
  verdict: Verdict
  change_classes: string[]
  source_kinds: string[]
  target_kinds: string[]
  target_statuses: string[]
  /** Patterns (`hair*`) over the names of fields. */
  fields: string[]
  roles: string[]
  affected_over: number | null
  author_roles: string[]
  enabled: boolean
  phase: string | null
  position: number
}

/** As it is sent: a new one has no id yet. */
export type SentRule = Omit<Rule, 'id' | 'position'> & { id?: string; position?: number }

export interface Decided {
  verdict: string
  rule: { id: string; name: string } | null
  why: string
}

export interface Tried {
  target: { id: string; name: string; kind: string; status: string } | null
  source: { id: string; name: string; kind: string } | null
  reference: string | null
  now: Decided
  candidate: Decided | null
  differs: boolean
  outcome: string | null
}

type Tallies = { now: { [key: string]: number }; candidate: { [key: string]: number } | null }

/** What rules say to a change, reference by reference; those that differ first. */
export interface Trial {
  items: Tried[]
  total: number
  changed: number
  /** By verdict, and by the rule that gave it. */
  counts: Tallies
  decided: Tallies
}

export interface RunSummary {
  id: string
  asset_ids: string[]
  total: number
  author: string
  message: string
  finished_at: string | null
  created_at: string
}

export const readRules = async (pid: string) => (await get<Page<Rule>>(rules(pid))).items
export const addRule = (pid: string, rule: SentRule) => post<Rule>(rules(pid), rule)
export const putRule = (pid: string, id: string, rule: SentRule) => put<Rule>(`${rules(pid)}/${encodeURIComponent(id)}`, rule)
export const removeRule = (pid: string, id: string) => remove<Rule>(`${rules(pid)}/${encodeURIComponent(id)}`)
/** What the project's rules say to a change that was made, and what they would with `rule` among them. */
export const tryRule = (pid: string, run: string, rule: SentRule | null, limit: number) =>
  post<Trial>(`${rules(pid)}/test`, { run_id: run, limit, ...(rule === null ? {} : { rule }) })
export const readRulesText = (pid: string) => getText(rules(pid), 'application/yaml')
/** Replaces the whole list, in its order. */
export const putRulesText = (pid: string, text: string) => put<Page<Rule>>(rules(pid), new Blob([text], { type: 'application/yaml' }))
/** What ended lately, newest first. */
export const readRecentRuns = async (pid: string) => (await get<{ recent: RunSummary[] }>(`/projects/${encodeURIComponent(pid)}/propagation-status`)).recent
