import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** A service of a compose file, with what its image says where the file doesn't. */
export interface Service {
  readonly name: string
  /** The entry point and what it is called with, by the paths of the image. */
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly ports: readonly PublishedPort[]
  readonly volumes: readonly Mounted[]
  /** What is called in the container to see whether it is well. */
  readonly healthCheck: readonly string[]
}

export interface PublishedPort {
  readonly port: number
  /** In the container. */
  readonly target: number
}

export interface Mounted {
  readonly volume: string
  /** In the container. */
  readonly path: string
}

interface ServiceInFile {
  readonly build: { readonly context: string; readonly dockerfile: string }
  readonly environment: Readonly<Record<string, string | number>>
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
}

/** What a service may say: all that is heeded here, or has no effect on what runs. */
const KEYS = ['build', 'image', 'ports', 'environment', 'volumes', 'stop_grace_period']

/**
 * The services of a compose file.
 * @throws Error where it says something that would not be heeded
 */
export function servicesOf(path: string): Service[] {
  const { services, volumes } = parse(readFileSync(path, 'utf8'), { merge: true }) as {
    readonly services: Readonly<Record<string, ServiceInFile>>
    readonly volumes: Readonly<Record<string, null>>
  }
  return Object.entries(services).map(([name, service]) => {
    const unknown = Object.keys(service).filter((key) => !KEYS.includes(key))
    if (unknown.length > 0) throw new Error(`${path}: ${name} says ${unknown.join()}`)
    const image = imageOf(service.build.dockerfile)
    const mounted = service.volumes.map(mountedVolume)
    for (const { volume } of mounted)
      if (!(volume in volumes)) throw new Error(`${path}: there is no volume ${volume}`)
    const environment = Object.entries(service.environment).map(([key, value]) => [key, `${value}`])
    return {
      name,
      command: image.command,
      environment: Object.fromEntries(environment) as Record<string, string>,
      ports: service.ports.map(publishedPort),
      volumes: mounted,
      healthCheck: image.healthCheck,
    }
  })
}

function publishedPort(text: string): PublishedPort {
  const [, port, target] = /^(\d+):(\d+)$/.exec(text)!
  return { port: Number(port), target: Number(target) }
}

function mountedVolume(text: string): Mounted {
  const [, volume, path] = /^([\w-]+):(\/\S+)$/.exec(text)!
  return { volume: volume!, path: path! }
}

/** What the last stage of a Dockerfile runs. */
function imageOf(path: string): Pick<Service, 'command' | 'healthCheck'> {
  const text = readFileSync(path, 'utf8')
  const list = (instruction: RegExp): string[] => {
    const [, json] = new RegExp(`^${instruction.source}(\\[.*\\])$`, 'm').exec(text)!
    return JSON.parse(json!) as string[]
  }
  return {
    command: [...list(/ENTRYPOINT /), ...list(/CMD /)],
    healthCheck: list(/HEALTHCHECK (?:--\S+ )*CMD /),
  }
}
