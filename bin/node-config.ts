import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { BrokerConfig } from '../src/config/broker-config.ts'
import { ConfigError } from '../src/config/layers.ts'
import { collect } from './options.ts'
import type { Terminal } from './terminal.ts'

/** What a command says of a node's settings, as `ottla start` takes them. */
export interface NodeOptions {
  /** A server.properties file. */
  readonly config?: string
  /** `name=value`, each. */
  readonly set?: readonly string[]
  readonly terminal: Terminal
}

/** Adds the options by which a command is told of a node's settings. */
export function withNodeOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', "the node's server.properties file")
    .option(
      '--set <name=value>',
      'a setting; wins over the file and the environment',
      collect(String),
    )
}

/** The settings that the node would start with. Throws ConfigError. */
export function nodeConfig({ config, set = [], terminal }: NodeOptions): BrokerConfig {
  return new BrokerConfig({
    ...(config === undefined ? {} : { file: { path: config, text: settingsText(config) } }),
    environment: terminal.environment,
    set,
  })
}

/** The settings file's text; throws a ConfigError that names the file. */
export function settingsText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError([
      `The settings file ${path} can't be read: ${reason}. Name one that is there with --config`,
    ])
  }
}
