import { pino, type DestinationStream, type Level } from 'pino'
import type { Logger } from './host.ts'

export interface LoggerOptions {
  /** The lowest level that is written; `info` unless told otherwise. */
  readonly level?: Level | 'silent'
  /** A file's path or descriptor, or an object that takes lines; standard error unless told otherwise. */
  readonly destination?: string | number | DestinationStream
}

/**
 * A logger that writes one line of JSON a message. It writes synchronously: a broker logs little, and the last line
 * before the end of a process is the one that matters.
 */
export function pinoLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', destination = 2 } = options
  const stream =
    typeof destination === 'object'
      ? destination
      : pino.destination({ dest: destination, sync: true, mkdir: true })
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
