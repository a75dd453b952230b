/** What Kafka's own plug-ins read: the authorizer, the reporters of metrics. No ConfigDef names these. */
const NAMES = [
  'super.users',
  'allow.everyone.if.no.acl.found',
  'kafka.metrics.reporters',
  'kafka.metrics.polling.interval.secs',
  'kafka.csv.metrics.reporter.enabled',
  'kafka.csv.metrics.dir',
]

/** Families: what a listener's plug-ins are handed, labels of metrics, what resolves values in a file. */
const PREFIXES = ['listener.name.', 'metrics.context.', 'config.providers.']

/** The settings that name the prefix of a plug-in's own settings, with Kafka's defaults. */
const PREFIX_SETTINGS = [
  ['remote.log.storage.manager.impl.prefix', 'rsm.config.'],
  ['remote.log.metadata.manager.impl.prefix', 'rlmm.config.'],
] as const

/**
 * Whether Kafka takes a name that its ConfigDef doesn't have: for the authorizer, a listener's plug-ins (JAAS entries
 * among them) and others. Such a name is no mistake of whoever wrote it.
 * @param entries all that was given, since some prefixes are settings themselves
 */
export function isPlugInSetting(name: string, entries: ReadonlyMap<string, string>): boolean {
  if (NAMES.includes(name)) return true
  const configured = PREFIX_SETTINGS.map(([setting, prefix]) => entries.get(setting) ?? prefix)
  return [...PREFIXES, ...configured].some(
    (prefix) => prefix !== '' && name.startsWith(prefix) && name.length > prefix.length,
  )
}
