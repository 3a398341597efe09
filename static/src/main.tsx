/** Where the page starts. */
import { render } from 'preact'
import './styles/base.css'
import './styles/shell.css'
import './styles/storyboard.css'
import './styles/breakdown.css'
import './styles/inspector.css'
import './styles/approvals.css'
import { App } from './app.tsx'
import { startPreferences } from './ui/preferences.ts'
import { startRouter } from './ui/router.ts'
import { startClock } from './ui/time.tsx'
import { startTips } from './ui/tip.ts'

startPreferences()
startRouter()
startClock()
startTips()

const page = document.getElementById('page')
if (page !== null) render(<App />, page)
