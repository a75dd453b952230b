import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cacheDirectory, outcome } from './client.ts'
import { pause } from './processes.ts'

const formatLimitMs = 60_000

const log4j = `status=error
appender.console.type=Console
appender.console.name=console
appender.console.target=SYSTEM_ERR
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
`

/** The heap that the comparison is held with, and the collector that Apache Kafka's own start script asks for. */
const serverFlags = [
  '-Xmx1g',
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-Djava.awt.headless=true',
]

/** The folder of Apache Kafka's jars: OTTLA_KAFKA_JARS, or one that Maven fills once. */
const kafkaJars = async (): Promise<string> => {
  const given = process.env['OTTLA_KAFKA_JARS']
  if (given !== undefined) return given
  const folder = path.join(cacheDirectory(), 'apache-kafka-4.4.0')
  const complete = path.join(folder, '.complete')
  for (let attempt = 1; !existsSync(complete); attempt += 1) {
    const pom = path.resolve('test/bench/apache-kafka/pom.xml')
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${folder}`]
    const fetched = await outcome(spawn('mvn', ['-q', '-B', '-f', pom, ...goal]), 600_000)
    if (fetched.code === 0) await writeFile(complete, '')
    else if (attempt === 3) {
      throw new Error(`Maven could not fetch Apache Kafka (or set OTTLA_KAFKA_JARS to a folder of
its jars): ${fetched.output.slice(-2000)}${fetched.errors.slice(-2000)}`)
    } else await pause(2_000 * attempt)
  }
  return folder
}

/** The programs of Apache Kafka, told of a node by its properties. */
export interface Apache {
  /** Formats the node's directories. */
  format(clusterId: string, properties: string): Promise<void>
  serve(properties: string): ChildProcess
}

/** @param directory exists; it gets the configuration of the log lines */
export const apacheIn = async (directory: string): Promise<Apache> => {
  const jars = await kafkaJars()
  const logging = path.join(directory, 'log4j2.properties')
  await writeFile(logging, log4j)
  const java = (flags: readonly string[], main: string, ...parameters: string[]): ChildProcess =>
    spawn('java', [
      ...flags,
      `-Dlog4j2.configurationFile=${logging}`,
      '-cp',
      path.join(jars, '*'),
      main,
      ...parameters,
    ])
  return {
    format: async (clusterId, properties) => {
      const tool = 'kafka.tools.StorageTool'
      const started = java([], tool, 'format', '-t', clusterId, '-c', properties)
      const ended = await outcome(started, formatLimitMs)
      if (ended.code !== 0) throw new Error(`Apache Kafka cannot format: ${ended.errors}`)
    },
    serve: (properties) => java(serverFlags, 'kafka.Kafka', properties),
  }
}
