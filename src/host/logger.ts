import { pino, type DestinationStream, type Level } from 'pino'
import type { Logger } from './host.ts'
import { LineWriter } from './lines.ts'

export interface LoggerOptions {
  /** The lowest level that is written; `info` unless told otherwise. */
  readonly level?: Level | 'silent'
  /** A file's path or descriptor, or an object that takes lines; standard error unless told otherwise. */
  readonly destination?: string | number | DestinationStream
}

/**
 * A logger that writes one line of JSON a message, at once where that is possible: the last line before the end of a
 * process is the one that matters. It never waits for who reads the lines; see LineWriter.
 */
export function pinoLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', destination = 2 } = options
  const stream =
    typeof destination === 'object' ? destination : new LineWriter(destination, aboutLeftOut)
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  )
}

function aboutLeftOut(lines: number): string {
  const msg = 'Lines of the log were left out: what it is written to took no more'
  const time = new Date().toISOString()
  return `${JSON.stringify({ level: 'warn', time, part: 'log', lines, msg })}\n`
}
