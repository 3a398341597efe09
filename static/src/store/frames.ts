/** One tick per animation frame: work asked for several times in a frame is done once. */

/** A hidden page gets no frames; its state must not go stale all the same. */
function nextFrame(then: () => void): void {
  if (document.hidden) setTimeout(then, 16)
  else requestAnimationFrame(then)
}

/** With the next frame. */
export function oncePerFrame(work: () => void): () => void {
  let asked = false
  const run = () => {
    asked = false
    work()
  }
  return () => {
    if (asked) return
    asked = true
    nextFrame(run)
  }
}

/** At once, but not again within the same frame: the last one asked for comes with the next. */
export function leadingPerFrame(work: () => void): () => void {
  let resting = false
  let asked = false
  const rest = () => {
    resting = false
    if (asked) run()
  }
  const run = () => {
    asked = false
    resting = true
    nextFrame(rest)
    work()
  }
  return () => {
    if (resting) asked = true
    else run()
  }
}
