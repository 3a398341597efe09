/** At once, but not again within the same animation frame: the last one asked for comes with the next. */
export function leadingPerFrame(work: () => void): () => void {
  let resting = false
  let asked = false
  const rest = () => {
    resting = false
    if (!asked) return
    asked = false
    run()
  }
  const run = () => {
    resting = true
    work()
    requestAnimationFrame(rest)
  }
  return () => {
    if (resting) asked = true
    else run()
  }
}

/** One tick per animation frame: work asked for several times in a frame is done once. */
export function oncePerFrame(work: () => void): () => void {
  let asked = false
  const run = () => {
    if (!asked) return
    asked = false
    work()
  }
  return () => {
    if (asked) return
    asked = true
    // A hidden page gets no frames; its state must not go stale all the same.
    if (document.hidden) setTimeout(run, 16)
    else requestAnimationFrame(run)
  }
}
