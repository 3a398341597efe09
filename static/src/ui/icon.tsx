/** Lucide's drawings, only those that are used. */
import {
  CirclePlus, Copy, Ellipsis, Image, ImageUp, LayoutGrid, Move, MoveLeft, MoveRight, RectangleHorizontal,
  ArrowRight, ArrowRightLeft, Box, Check, CircleAlert, Clapperboard, Clock, Cloud, CloudOff, Eye, FileQuestion, Film, Keyboard, Loader, Lock,
  LogOut, MapPin, Moon, Package, Palette, Pin, Rows3, Rows4, ScrollText, Search, Settings, Shirt, Sun, SunMoon, Undo2, UserRound, X, ChevronDown, PencilLine,
  ArrowLeft, ChevronRight, Download, ImagePlus, Minus, Plus, RotateCcw, Trash2, Upload, BadgeCheck, SlidersHorizontal, Bell, BellOff,
  GripVertical, ListChecks, GitMerge, FileText,
} from 'lucide'

const ICONS = {
  'circle-plus': CirclePlus, copy: Copy, ellipsis: Ellipsis, image: Image, 'image-up': ImageUp, 'layout-grid': LayoutGrid, move: Move, 'move-left': MoveLeft,
  'move-right': MoveRight, rectangle: RectangleHorizontal,
  'arrow-right': ArrowRight,
  'arrow-right-left': ArrowRightLeft, box: Box, check: Check, 'circle-alert': CircleAlert, clapperboard: Clapperboard, clock: Clock,
  cloud: Cloud, 'cloud-off': CloudOff, eye: Eye, 'file-question': FileQuestion, film: Film, keyboard: Keyboard, loader: Loader, lock: Lock,
  'log-out': LogOut, 'map-pin': MapPin, moon: Moon, package: Package, palette: Palette, pin: Pin, 'rows-3': Rows3, 'rows-4': Rows4,
  'scroll-text': ScrollText, search: Search, settings: Settings, shirt: Shirt, sun: Sun, 'sun-moon': SunMoon, undo: Undo2,
  'user-round': UserRound, x: X, 'chevron-down': ChevronDown, pencil: PencilLine, 'arrow-left': ArrowLeft, 'chevron-right': ChevronRight, download: Download,
  'image-plus': ImagePlus, plus: Plus, minus: Minus, again: RotateCcw, trash: Trash2, upload: Upload, approved: BadgeCheck, sliders: SlidersHorizontal, bell: Bell, 'bell-off': BellOff,
  grip: GripVertical, rules: ListChecks, merge: GitMerge, 'file-text': FileText,
} as const

export type IconName = keyof typeof ICONS

/** A registry may name any lucide icon; one that is not carried along shows a box. */
export const iconName = (name: string): IconName => (Object.hasOwn(ICONS, name) ? (name as IconName) : 'box')

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      {ICONS[name].map(([tag, attrs]) => draw(tag, attrs))}
    </svg>
  )
}

type Attrs = Record<string, string | number | undefined>

function draw(tag: string, attrs: Attrs) {
  const key = JSON.stringify(attrs)
  switch (tag) {
    case 'circle': return <circle key={key} {...attrs} />
    case 'rect': return <rect key={key} {...attrs} />
    case 'line': return <line key={key} {...attrs} />
    case 'polyline': return <polyline key={key} {...attrs} />
    case 'polygon': return <polygon key={key} {...attrs} />
    case 'ellipse': return <ellipse key={key} {...attrs} />
    default: return <path key={key} {...attrs} />
  }
}
