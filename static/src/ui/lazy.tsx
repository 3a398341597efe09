/** A view whose code is loaded when it is first needed. */
import { type ComponentChild, type FunctionComponent, h } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Notice, Skeleton } from './bits.tsx'

export function lazy<P extends object>(load: () => Promise<FunctionComponent<P>>): FunctionComponent<P> {
  let known: FunctionComponent<P> | null = null
  return function Lazy(props: P): ComponentChild {
    const [turn, setTurn] = useState(0)
    const [failed, setFailed] = useState(false)
    useEffect(() => {
      if (known !== null) return undefined
      let gone = false
      setFailed(false)
      load().then((view) => {
        known = view
        if (!gone) setTurn((n) => n + 1)
      }, () => !gone && setFailed(true))
      return () => {
        gone = true
      }
    }, [turn])
    if (known !== null) return h(known, props)
    if (!failed) return <div class="pad"><Skeleton words="Loading…" rows={8} /></div>
    return <Notice icon="cloud-off" title="This view could not be loaded"><p>Nothing was changed. Try again when the connection is back.</p><p class="actions"><button type="button" onClick={() => setTurn(turn + 1)}>Try again</button></p></Notice>
  }
}
