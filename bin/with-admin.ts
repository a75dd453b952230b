import { Option, type Command } from 'commander'
import type { Api, Decoded, Encoded, Shape } from '../protocol/schema.ts'
import { parseAddresses } from './client/address.ts'
import { connectToAny, connectToControllers, type Client } from './client/client.ts'
import { BrokerError } from './client/errors.ts'
import { clientOptionsOf } from './with-client.ts'
import { withClientOptions, type ClientCommandOptions } from './options.ts'

/** What commands have that may ask brokers or controllers. */
export interface AdminCommandOptions extends ClientCommandOptions {
  readonly bootstrapController?: string
}

/** Adds what commands have that may ask brokers or controllers. */
export function withAdminOptions(command: Command): Command {
  const controllers = new Option(
    '--bootstrap-controller <host:port>',
    'a controller of the cluster, or several with commas, instead of brokers',
  )
  return withClientOptions(command).addOption(controllers.conflicts('bootstrapServer'))
}

/** Of the controller by now: it is another one, or there is none at the moment. */
const ASKED_AGAIN = ['NOT_CONTROLLER', 'NOT_LEADER_OR_FOLLOWER', 'LEADER_NOT_AVAILABLE']

/** A cluster that is asked through any of its brokers, which forward, or through the controller that leads the quorum. */
export class Admin {
  readonly client: Client
  /** The controllers are asked themselves: what only brokers answer can't be asked. */
  readonly asksControllers: boolean

  constructor(client: Client, asksControllers: boolean) {
    this.client = client
    this.asksControllers = asksControllers
  }

  /**
   * Asks for what the active controller answers; again while `check` throws a BrokerError that says that it is another one.
   * @param check throws for an answer that tells of an error
   */
  ask<Q extends Shape, R extends Shape>(
    api: Api<Q, R>,
    body: Encoded<Q>,
    check: (answer: Decoded<R>) => void,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<Decoded<R>> {
    return this.client.retry(
      async () => {
        const answer = await this.client.request(api, body, { ...(await this.#who()), ...options })
        check(answer)
        return answer
      },
      {
        isRetriable: (error) => error instanceof BrokerError && ASKED_AGAIN.includes(error.error),
      },
    )
  }

  async #who(): Promise<{ node?: number }> {
    if (!this.asksControllers) return {}
    const { controllerId } = await this.client.controllers()
    if (controllerId < 0) {
      throw new BrokerError('LEADER_NOT_AVAILABLE', 'The quorum', 'it has no leader', {
        remedy: 'Start enough of the controllers: more than half of the voters must run.',
      })
    }
    // A leader that has not registered yet is not listed; who answered knows no other way to it.
    return this.client.nodes.has(controllerId) ? { node: controllerId } : {}
  }
}

/** Connects to what the options name, does the work, and closes, whatever becomes of it. */
export async function withAdmin<T>(
  options: AdminCommandOptions,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const { bootstrapController } = options
  const clientOptions = await clientOptionsOf(options)
  const client =
    bootstrapController === undefined
      ? await connectToAny(parseAddresses(options.bootstrapServer), clientOptions)
      : await connectToControllers(parseAddresses(bootstrapController), clientOptions)
  try {
    return await work(new Admin(client, bootstrapController !== undefined))
  } finally {
    await client.close()
  }
}
