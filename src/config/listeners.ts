import type { BrokerSettingName, BrokerValue } from './registry.ts'

export type SecurityProtocol = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
/** Kafka's numbers, by which registrations name them. */
export const PROTOCOL_IDS: Readonly<Record<SecurityProtocol, number>> = {
  PLAINTEXT: 0,
  SSL: 1,
  SASL_PLAINTEXT: 2,
  SASL_SSL: 3,
}
const PROTOCOLS: readonly string[] = Object.keys(PROTOCOL_IDS)

/** An address of the node, or one that clients are told. */
export interface Endpoint {
  /** In capitals. */
  readonly listener: string
  readonly securityProtocol: SecurityProtocol
  /** Empty: all interfaces to listen on; to advertise, whatever name the host has. */
  readonly host: string
  /** 0: a free one; to advertise, the one that was taken. */
  readonly port: number
}

/** Where a node listens, and what it tells others about it. */
export interface Listeners {
  /** For clients and other brokers; empty without the broker role. */
  readonly broker: readonly Endpoint[]
  /** For the quorum; may be empty where the node is the whole quorum. */
  readonly controller: readonly Endpoint[]
  /** For clients and other brokers, in the order in which they are registered. */
  readonly advertised: readonly Endpoint[]
  /** Where the quorum finds this controller, in the order of controller.listener.names; empty hosts stand for any name. */
  readonly advertisedController: readonly Endpoint[]
  /** The name of the listener over which brokers talk to each other. */
  readonly interBroker: string
  readonly interBrokerProtocol: SecurityProtocol
  /** The listener by which this node reaches controllers: the first of controller.listener.names. Null where it needs none. */
  readonly towardsControllers: Pick<Endpoint, 'listener' | 'securityProtocol'> | null
}

/** Typed values, as BrokerConfig gives them. */
export interface BrokerView {
  get<Name extends BrokerSettingName>(name: Name): BrokerValue<Name>
  /** Whether some source sets it. */
  isSet(name: string): boolean
}

/** The settings of listeners contradict each other. The message is Kafka's where it has one. */
export class ListenerError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ListenerError'
  }
}

/**
 * Works out the listeners from listeners, advertised.listeners, listener.security.protocol.map, controller.listener.names
 * and inter.broker.listener.name.
 * @throws ListenerError
 */
export function resolveListeners(view: BrokerView): Listeners {
  const protocols = protocolMap(view)
  const roles = view.get('process.roles')
  const all = endpoints('listeners', view.get('listeners'), protocols, true)
  const controllerNames = view.get('controller.listener.names').map((name) => name.toUpperCase())
  const isController = ({ listener }: Endpoint) => controllerNames.includes(listener)
  const own = view.get('advertised.listeners')
  const advertised = own ? endpoints('advertised.listeners', own, protocols, false) : all
  const broker = roles.includes('broker')
  const interBroker = interBrokerListener(view, protocols)
  const listeners: Listeners = {
    broker: broker ? all.filter((endpoint) => !isController(endpoint)) : [],
    controller: roles.includes('controller') ? all.filter(isController) : [],
    advertised: broker ? advertised.filter((endpoint) => !isController(endpoint)) : [],
    advertisedController: roles.includes('controller')
      ? advertisedControllers(controllerNames, advertised, all)
      : [],
    interBroker: interBroker.listener,
    interBrokerProtocol: interBroker.securityProtocol,
    towardsControllers: controllersListener(roles, controllerNames, all, protocols),
  }
  if (broker) checkAdvertised(listeners)
  checkRoles(view, listeners, all)
  return listeners
}

/** A controller's listener that advertised.listeners leaves out is advertised as it is in listeners. */
function advertisedControllers(
  names: readonly string[],
  advertised: readonly Endpoint[],
  all: readonly Endpoint[],
): Endpoint[] {
  return names.flatMap((name) => {
    const isMeant = ({ listener }: Endpoint) => listener === name
    const found = advertised.find(isMeant) ?? all.find(isMeant)
    if (found === undefined) return []
    return [found.host === '0.0.0.0' ? { ...found, host: '' } : found]
  })
}

/** The scheme, an optional host (in brackets if it is an IPv6 address), and the port. */
const ENDPOINT = /^(.*):\/\/\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)$/

function endpoints(
  setting: string,
  texts: readonly string[],
  protocols: ReadonlyMap<string, SecurityProtocol>,
  distinctPorts: boolean,
): Endpoint[] {
  const shown = `[${texts.join(', ')}]`
  const fail = (reason: string): never => {
    throw new ListenerError(`Error creating broker listeners from '${shown}': ${reason}`)
  }
  const result = texts.map((text): Endpoint => {
    const [, name, host, port] =
      ENDPOINT.exec(text) ??
      fail(`Unable to parse ${text} to an endpoint: ${setting} takes NAME://HOST:PORT`)
    const listener = name!.toUpperCase()
    const securityProtocol = protocols.get(listener)
    if (!securityProtocol) return fail(`No security protocol defined for listener ${listener}`)
    if (Number(port) < 0 || Number(port) > 65535) fail(`${text} has no valid port`)
    return { listener, securityProtocol, host: host!, port: Number(port) }
  })
  if (new Set(result.map(({ listener }) => listener)).size < result.length) {
    fail(`Each listener must have a different name, listeners: ${shown}`)
  }
  const ports = result.map(({ port }) => port).filter((port) => port !== 0)
  if (distinctPorts && new Set(ports).size < ports.length && !differInFamily(result)) {
    fail(`Each listener must have a different port, listeners: ${shown}`)
  }
  return result
}

/** One port may be shared by an IPv4 and an IPv6 address. */
function differInFamily(all: readonly Endpoint[]): boolean {
  return all.every((endpoint) => {
    const sharing = all.filter(({ port }) => port === endpoint.port && port !== 0)
    const ipv6 = sharing.filter(({ host }) => host.includes(':'))
    const ipv4 = sharing.filter(({ host }) => /^\d+(\.\d+){3}$/.test(host))
    return sharing.length < 2 || (sharing.length === 2 && ipv6.length === 1 && ipv4.length === 1)
  })
}

/** Controllers' listeners that no map names speak PLAINTEXT, unless TLS or SASL is in play. */
function protocolMap(view: BrokerView): ReadonlyMap<string, SecurityProtocol> {
  const setting = 'listener.security.protocol.map'
  const map = new Map<string, SecurityProtocol>()
  for (const pair of view.get(setting).split(',')) {
    if (pair.trim() === '') continue
    const colon = pair.lastIndexOf(':')
    const name = pair.slice(0, colon).trim().toUpperCase()
    const protocol = pair.slice(colon + 1).trim()
    if (colon < 1 || !PROTOCOLS.includes(protocol)) {
      throw new ListenerError(`Invalid security protocol \`${protocol}\` defined in ${setting}`)
    }
    map.set(name, protocol as SecurityProtocol)
  }
  if (view.isSet(setting)) return map
  const names = view.get('controller.listener.names').map((name) => name.toUpperCase())
  const used = [...names, ...view.get('listeners').map((text) => text.split(':')[0]!.toUpperCase())]
  if (!used.some((name) => name !== 'PLAINTEXT' && PROTOCOLS.includes(name))) {
    for (const name of names) if (!map.has(name)) map.set(name, 'PLAINTEXT')
  }
  return map
}

/** A quorum of one may have no listener: nobody else is a controller. */
function controllersListener(
  roles: readonly string[],
  names: readonly string[],
  all: readonly Endpoint[],
  protocols: ReadonlyMap<string, SecurityProtocol>,
): Listeners['towardsControllers'] {
  if (roles.includes('controller')) {
    const own = names.flatMap((name) => all.find(({ listener }) => listener === name) ?? [])[0]
    if (own === undefined) return null
    return { listener: own.listener, securityProtocol: own.securityProtocol }
  }
  const missing = names.find((name) => !protocols.has(name))
  if (missing !== undefined) {
    const map = 'listener.security.protocol.map'
    throw new ListenerError(
      `Controller listener with name ${missing} defined in controller.listener.names not found in ${map}  (an explicit security mapping for each controller listener is required if ${map} is non-empty, or if there are security protocols other than PLAINTEXT in use)`,
    )
  }
  const [listener] = names
  if (listener === undefined) return null
  return { listener, securityProtocol: protocols.get(listener)! }
}

function interBrokerListener(
  view: BrokerView,
  protocols: ReadonlyMap<string, SecurityProtocol>,
): Pick<Endpoint, 'listener' | 'securityProtocol'> {
  const name = view.get('inter.broker.listener.name')?.toUpperCase()
  if (name === undefined) {
    const securityProtocol = view.get('security.inter.broker.protocol') as SecurityProtocol
    return { listener: securityProtocol, securityProtocol }
  }
  if (view.isSet('security.inter.broker.protocol')) {
    throw new ListenerError(
      'Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.',
    )
  }
  const securityProtocol = protocols.get(name)
  if (securityProtocol === undefined) {
    throw new ListenerError(
      `Listener with name ${name} defined in inter.broker.listener.name not found in listener.security.protocol.map.`,
    )
  }
  return { listener: name, securityProtocol }
}

const namesOf = (endpointsToName: readonly Endpoint[]) =>
  endpointsToName.map(({ listener }) => listener).join(',')

function checkAdvertised({ broker, advertised, interBroker }: Listeners): void {
  const require = (condition: boolean, message: string) => {
    if (!condition) throw new ListenerError(`requirement failed: ${message}`)
  }
  require(advertised.length >
    0, 'There must be at least one broker advertised listener. Perhaps all listeners appear in controller.listener.names?')
  require(advertised.some(
    ({ listener }) => listener === interBroker,
  ), `inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are ${namesOf(advertised)}`)
  const known = broker.map(({ listener }) => listener)
  require(advertised.every(({ listener }) =>
    known.includes(listener),
  ), `advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found ${namesOf(advertised)}. The valid options based on the current configuration are ${namesOf(broker)}`)
  require(advertised.every(
    ({ host }) => host !== '0.0.0.0',
  ), 'advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.')
}

/** A quorum of one within a broker needs no listener; a controller that others must reach does. */
function checkRoles(view: BrokerView, { controller }: Listeners, all: readonly Endpoint[]): void {
  const roles = view.get('process.roles')
  const voters = view.get('controller.quorum.voters')
  const servers = view.get('controller.quorum.bootstrap.servers')
  const fail = (message: string) => {
    throw new ListenerError(`requirement failed: ${message}`)
  }
  if (!roles.includes('controller')) {
    const names = view.get('controller.listener.names').map((name) => name.toUpperCase())
    if (all.some(({ listener }) => names.includes(listener))) {
      fail(
        "controller.listener.names must not contain a value appearing in the 'listeners' configuration when running KRaft with just the broker role",
      )
    }
    if (voters.length + servers.length === 0) {
      throw new ListenerError(
        'If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap controllers or controller.quorum.voters must contain a parseable set of controllers.',
      )
    }
    return
  }
  if (!roles.includes('broker') && controller.length < all.length) {
    fail(
      'The listeners config must only contain KRaft controller listeners from controller.listener.names when process.roles=controller',
    )
  }
  const alone = voters.length + servers.length === 0 && roles.includes('broker')
  if (controller.length === 0 && !alone) {
    fail(
      "controller.listener.names must contain at least one value appearing in the 'listeners' configuration when running the KRaft controller role",
    )
  }
}
