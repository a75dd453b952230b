import type { BrokerConfig } from '../config/broker-config.ts'
import type { Host } from '../host/host.ts'
import { StartError } from '../server/start-error.ts'
import { stoppedAtStart } from './lifecycle.ts'

/**
 * Waits until a broker has the metadata of its cluster: as Kafka's, it gives up where no controller is found in the time that
 * it has for its registration.
 * @param signal gives it up before
 * @throws StartError, and what `caughtUp` rejects with
 */
export async function firstMetadata(
  caughtUp: Promise<void>,
  { clock, log }: Pick<Host, 'clock' | 'log'>,
  config: BrokerConfig,
  signal: AbortSignal | undefined,
): Promise<void> {
  const limitMs = config.get('initial.broker.registration.timeout.ms')
  const controllers = controllersOf(config)
  if (controllers.length > 0) {
    log.info({ controllers }, 'The broker looks for the metadata of its cluster')
  }
  let end = (): void => undefined
  const givenUp = new Promise<never>((_, reject) => {
    const limit = clock.after(limitMs, () => reject(new StartError(noController(config, limitMs))))
    const stop = (): void => reject(stoppedAtStart())
    if (signal?.aborted === true) stop()
    signal?.addEventListener('abort', stop)
    end = () => {
      limit.cancel()
      signal?.removeEventListener('abort', stop)
    }
  })
  try {
    await Promise.race([caughtUp, givenUp])
  } finally {
    end()
  }
}

function controllersOf(config: BrokerConfig): string[] {
  return [
    ...config.get('controller.quorum.bootstrap.servers'),
    ...config.get('controller.quorum.voters'),
  ]
}

function noController(config: BrokerConfig, limitMs: number): string {
  const isDynamic = config.get('controller.quorum.bootstrap.servers').length > 0
  const setting = `controller.quorum.${isDynamic ? 'bootstrap.servers' : 'voters'}`
  return `No controller has given this broker the metadata of its cluster in ${limitMs} ms (initial.broker.registration.timeout.ms). See that more than half of the controllers run and can be reached from here, and that ${setting} names them: ${controllersOf(config).join(', ')}`
}
