import { topicSettings } from './registry.ts'
import type { Setting } from './setting.ts'
import { baseName } from './layers.ts'

/** Settings of the broker that mean the same in different units, the most specific first. */
const FAMILIES: readonly (readonly string[])[] = Object.values(
  topicSettings as Record<string, Setting>,
)
  .map(({ synonyms }) => Object.keys(synonyms ?? {}))
  .filter((names) => names.length > 1)

/**
 * The names that a broker's setting is looked up by, the most specific first. log.flush.scheduler.interval.ms stands in for
 * log.flush.interval.ms, but not the other way round.
 * @param ofListener - a setting of one listener falls back to the general one
 */
export function brokerSynonyms(name: string, ofListener: boolean): readonly string[] {
  const family = FAMILIES.find((names) => names.includes(name))
  if (family && name !== 'log.flush.scheduler.interval.ms') return family
  const base = baseName(name)
  return ofListener && base !== name ? [name, base] : [name]
}
