import { nodeHost } from '../../src/host/node.ts'
import { ID_FORM, isId } from '../../src/metadata/ids.ts'
import type { Voter } from '../../src/quorum/types.ts'
import { CommandError, UsageError } from '../errors.ts'
import { nodeConfig, type NodeOptions } from '../node-config.ts'
import { storageInfo } from './info.ts'

const GREATEST_ID = 2 ** 31 - 1
const VOTER = /^(\d{1,10})@(?:\[([^\]\s]+)\]|([^:\s[\]]+)):(\d{1,5}):(.*)$/

/**
 * Reads a voter of the form `id@host:port:directoryId`, as Kafka's tools take it; an IPv6 address has brackets.
 * @param listener the name of the controllers' listener
 * @throws UsageError
 */
export function parseVoter(text: string, listener: string): Voter {
  const [, idText, address, name, portText, directoryId] = VOTER.exec(text.trim()) ?? []
  const id = Number(idText)
  const port = Number(portText)
  const host = address ?? name
  if (host === undefined || id > GREATEST_ID || port > 65_535) {
    throw new UsageError(
      `A controller is given as ID@HOST:PORT:DIRECTORY-ID, for example 1@kafka-1:9093:JEXY6aqzQY-32P5TStzaFg: not ${JSON.stringify(text)}`,
    )
  }
  if (!isId(directoryId!)) {
    throw new UsageError(`${JSON.stringify(directoryId)} is no id of a directory: ${ID_FORM}`)
  }
  return { id, directoryId: directoryId!, endpoints: [{ name: listener, host, port }] }
}

/**
 * Reads several of them, with commas.
 * @throws UsageError when there is none, or two have one id
 */
export function parseVoters(text: string, listener: string): Voter[] {
  const parts = text.split(',').filter((part) => part.trim() !== '')
  const voters = parts.map((part) => parseVoter(part, listener))
  if (voters.length === 0) throw new UsageError('--initial-controllers names no controller')
  voters.sort((left, right) => left.id - right.id)
  const twice = voters.find(({ id }, index) => voters[index + 1]?.id === id)
  if (twice !== undefined) {
    throw new UsageError(`--initial-controllers names node ${twice.id} more than once`)
  }
  return voters
}

/**
 * A node as a voter: its id, the id of its metadata directory, and where others find its controller.
 * @throws ConfigError, CommandError
 */
export function nodeAsVoter(options: NodeOptions): Voter {
  const config = nodeConfig(options)
  const id = config.get('node.id')
  if (!config.get('process.roles').includes('controller')) {
    throw new CommandError(
      'NOT_A_CONTROLLER',
      `Node ${id} is no controller: process.roles is ${config.get('process.roles').join(',')}`,
      'Name the settings of a controller with --config, or give ID@HOST:PORT:DIRECTORY-ID.',
    )
  }
  const { disk, network } = nodeHost({ log: { level: 'silent' } })
  const { directories } = storageInfo(disk, config)
  const { path, metaProperties, problem } = directories.find(({ hasMetadata }) => hasMetadata)!
  const directoryId = metaProperties?.directoryId
  if (directoryId == null) {
    throw new CommandError(
      'NOT_FORMATTED',
      problem ?? `${path} has no directory.id`,
      'Run this where the controller runs, after ottla storage format --no-initial-controllers and its start; or give ID@HOST:PORT:DIRECTORY-ID.',
    )
  }
  const endpoints = config.listeners.advertisedController.map(({ listener, host, port }) => ({
    name: listener,
    host: host || network.hostName,
    port,
  }))
  if (endpoints.length === 0) {
    throw new CommandError(
      'NO_LISTENER',
      `Node ${id} has no listener for controllers`,
      'Add one of controller.listener.names to its listeners.',
    )
  }
  return { id, directoryId, endpoints }
}
