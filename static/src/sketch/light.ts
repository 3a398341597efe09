/** The light of an hour: what the sky is painted with and what it does to every other colour. */
import { darker, grade, type Grade, mix } from './colour.ts'
import type { Hour, Scene } from './scene.ts'

export interface Light {
  sky: readonly [string, string, string]
  haze: string
  lamp: string
  grade: Grade
  dark: boolean
}

const SKIES: Record<Hour, readonly [string, string, string]> = {
  dawn: ['#6f86ad', '#d7a9a6', '#f6d5b0'],
  day: ['#6fa6d0', '#a9cfe2', '#e6f0ec'],
  dusk: ['#2f3560', '#9b5f78', '#f0a468'],
  night: ['#0b1226', '#182545', '#33476e'],
}

const AMBIENT: Record<Hour, readonly [string, number]> = {
  dawn: ['#ffdccb', 0.55],
  day: ['#ffffff', 0],
  dusk: ['#f0ae8f', 0.6],
  night: ['#6f86c4', 0.72],
}

const INDOORS: Record<Hour, readonly [string, number]> = {
  dawn: ['#ffe2cd', 0.5],
  day: ['#fffaf0', 0.3],
  dusk: ['#f3b98a', 0.55],
  night: ['#b9936f', 0.66],
}

export function lightOf(scene: Scene): Light {
  // The air over a place has some of its colour, so that two nights are not one.
  const air = scene.place.interior ? 0 : scene.hour === 'night' ? 0.2 : 0.12
  const over = (colour: string) => mix(colour, scene.hour === 'night' ? darker(scene.place.colour, 0.55) : scene.place.colour, air)
  const [top, middle, foot] = SKIES[scene.hour]
  const sky = [over(top), over(middle), over(foot)] as const
  const [light, strength] = (scene.place.interior ? INDOORS : AMBIENT)[scene.hour]
  const g = grade(light, strength, scene.look.tint)
  const tinted = grade('#ffffff', 0, scene.look.tint)
  return {
    sky: [tinted(sky[0]), tinted(sky[1]), tinted(sky[2])],
    haze: tinted(mix(sky[2], '#ffffff', 0.12)),
    lamp: tinted(scene.hour === 'night' ? '#ffce85' : '#ffe6b8'),
    grade: g,
    dark: scene.hour === 'night',
  }
}
