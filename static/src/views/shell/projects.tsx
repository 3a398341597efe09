/** The project list: every production one may see, with its first picture and when it last changed. */
import { useEffect, useRef, useState } from 'preact/hooks'
import * as api from '../../api/endpoints.ts'
import { explain } from '../../api/problem.ts'
import type { AuditEntry, Project, Resolved } from '../../types.ts'
import { Notice, Skeleton } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { whenNear } from '../../ui/nearby.ts'
import { href } from '../../ui/router.ts'
import { Time } from '../../ui/time.tsx'
import { Sketch } from '../storyboard/sketch.tsx'

function aspectOf(project: Project): number {
  const value = project.settings?.['aspect_ratio']
  return typeof value === 'number' && value >= 0.5 && value <= 4 ? value : 2.39
}

/** The first shot and the last change, asked for when the card comes near. */
function useGlimpse(project: string) {
  const element = useRef<HTMLLIElement>(null)
  const [near, setNear] = useState(false)
  const [shot, setShot] = useState<Resolved | null>(null)
  const [last, setLast] = useState<AuditEntry | null>(null)
  useEffect(() => (near || element.current === null ? undefined : whenNear(element.current, (is) => is && setNear(true))), [near])
  useEffect(() => {
    if (!near) return
    let gone = false
    // A card without its picture is still a card.
    api.readFirst(project, 'shot', 1).then(({ items }) => !gone && setShot(items[0] ?? null), () => undefined)
    api.readLastChange(project).then((entry) => !gone && setLast(entry), () => undefined)
    return () => {
      gone = true
    }
  }, [near, project])
  return { element, shot, last }
}

function Card({ project }: { project: Project }) {
  const { element, shot, last } = useGlimpse(project.id)
  const at = last?.at ?? project.created_at
  return (
    <li ref={element}>
      <a href={href({ project: project.id, view: 'storyboard', entity: null })} data-project={project.id}>
        <span class="project-picture">{shot === null ? <Icon name="clapperboard" size={24} /> : <Sketch shot={shot} aspect={aspectOf(project)} place={project.id} />}</span>
        <b dir="auto">{project.name}</b>
        <span class="project-words dim"><span class="mono" dir="auto">{project.id}</span>{at !== undefined && <span>{last === null ? 'created' : 'changed'} <Time iso={at} /></span>}</span>
      </a>
    </li>
  )
}

export interface ProjectsProps {
  projects: readonly Project[] | null
  error: unknown
  mayCreate: boolean
  onAgain(): void
  onNew(): void
  onImport(): void
  onSignOut(): void
}

export function Projects({ projects, error, mayCreate, onAgain, onNew, onImport, onSignOut }: ProjectsProps) {
  useEffect(() => {
    document.title = 'Projects · Ripplecut'
  }, [])
  if (error !== null && projects === null) {
    const { what, next } = explain(error)
    return <main class="entrance" data-phase="failed"><Notice icon="cloud-off" title="The projects cannot be shown"><p>{what} {next}</p><p><button type="button" onClick={onAgain}>Try again</button></p></Notice></main>
  }
  if (projects === null) return <main class="entrance" data-phase="loading"><div><Skeleton words="Loading the projects…" rows={5} /></div></main>
  const tools = mayCreate && (
    <p class="actions">
      <button type="button" data-testid="import" onClick={onImport}><Icon name="upload" size={14} />Import a file</button>
      <button type="button" class="primary" data-testid="new-project" onClick={onNew}><Icon name="plus" size={14} />New project</button>
    </p>
  )
  if (projects.length === 0) {
    return (
      <main class="entrance" data-phase="ready" data-projects="0">
        <Notice icon="clapperboard" title="No projects yet">
          {mayCreate ? <p>Make one, or drop a screenplay (Fountain) or a production (JSON) here. To look around in a finished one first, start the server with <code>--demo</code>.</p> : <p>Nobody has let you into a project yet. Ask an owner for a token of theirs.</p>}
          {tools}
          <p><button type="button" class="quiet" onClick={onSignOut}>Sign out</button></p>
        </Notice>
      </main>
    )
  }
  return (
    <main class="project-list" data-phase="ready" data-projects={projects.length}>
      <header><h1>Projects</h1>{tools}</header>
      <ul class="projects">{projects.map((p) => <Card key={p.id} project={p} />)}</ul>
      <footer><p class="dim">{mayCreate && 'Drop a screenplay or a production anywhere to import it. '}<button type="button" class="quiet" onClick={onSignOut}><Icon name="log-out" size={14} />Sign out</button></p></footer>
    </main>
  )
}
