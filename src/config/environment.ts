/** Variables of the Apache image that begin like settings but are none. */
const NOT_SETTINGS = new Set([
  'KAFKA_VERSION',
  'KAFKA_HEAP_OPTS',
  'KAFKA_LOG4J_OPTS',
  'KAFKA_OPTS',
  'KAFKA_JMX_OPTS',
  'KAFKA_JVM_PERFORMANCE_OPTS',
  'KAFKA_GC_LOG_OPTS',
  'KAFKA_LOG4J_ROOT_LOGLEVEL',
  'KAFKA_LOG4J_LOGGERS',
  'KAFKA_TOOLS_LOG4J_LOGLEVEL',
  'KAFKA_JMX_HOSTNAME',
])

/**
 * The settings among environment variables, in the form of the Apache image: KAFKA_LOG_SEGMENT_BYTES is log.segment.bytes;
 * two underscores stand for one, three for a hyphen. As in the image, an address to listen on is made of
 * KAFKA_ADVERTISED_LISTENERS where KAFKA_LISTENERS is missing.
 */
export function settingsOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, string> {
  const settings = new Map<string, string>()
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined || !variable.startsWith('KAFKA_') || NOT_SETTINGS.has(variable))
      continue
    const name = variable
      .replaceAll('KAFKA_', '')
      .toLowerCase()
      .replaceAll('_', '.')
      .replaceAll('...', '-')
      .replaceAll('..', '_')
    if (name !== '') settings.set(name, value)
  }
  const advertised = settings.get('advertised.listeners')
  if (advertised !== undefined && !settings.has('listeners')) {
    settings.set('listeners', advertised.replaceAll(/:\/\/(?:\[[^\]]*\]|[^:]*):/g, '://0.0.0.0:'))
  }
  return settings
}
