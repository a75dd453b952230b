import type { BrokerConfig } from '../../../config/broker-config.ts'
import type { Host } from '../../../host/host.ts'
import { WebTokenError } from '../../../host/web-tokens.ts'
import { mechanismView, refuse, type SecurityView } from '../../tls/settings.ts'
import type { TokenValidator } from './exchange.ts'
import { KeyEndpoint, KeyFile, type KeySource } from './keys.ts'
import { OAUTH_PACKAGE, pathOf, providerTls, type ModuleOptions } from './provider.ts'
import { SignedTokens } from './signed.ts'
import { UnsecuredTokens } from './unsecured.ts'

const SIGNED = `${OAUTH_PACKAGE}.OAuthBearerValidatorCallbackHandler`
const UNSECURED = `${OAUTH_PACKAGE}.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
const VALIDATORS = [`${OAUTH_PACKAGE}.DefaultJwtValidator`, `${OAUTH_PACKAGE}.BrokerJwtValidator`]
const URL_SETTING = 'sasl.oauthbearer.jwks.endpoint.url'

type OAuthHost = Pick<Host, 'clock' | 'disk' | 'log' | 'network'>

/**
 * Who judges the tokens of a listener's clients, by the class that its settings name: one of Kafka's own. Kafka takes unsigned
 * tokens where they name none; here that has to be said.
 * @throws ConfigError that says which setting is meant and what to do
 */
export async function openValidator(
  host: OAuthHost,
  config: BrokerConfig,
  listener: string,
  module: ModuleOptions,
): Promise<TokenValidator> {
  const view = mechanismView(config, listener, 'OAUTHBEARER')
  const setting = `listener.name.${listener.toLowerCase()}.oauthbearer.sasl.server.callback.handler.class`
  const handler = config.isSet(setting) ? config.parsed(setting).text : null
  if (handler === UNSECURED) {
    host.log.warn(
      { listener },
      'The listener takes OAUTHBEARER tokens that nobody has signed: whoever writes a name into one is let in by it',
    )
    return unsecured(host, module)
  }
  if (handler !== SIGNED) {
    refuse(
      `${setting} ${handler === null ? 'is not set' : `asks for ${handler}, which Ottla does not have`}. Set it to ${SIGNED}, with ${URL_SETTING}; or, where anybody may be let in by any name, in tests say, to ${UNSECURED}.`,
    )
  }
  return signed(host, view, module)
}

function unsecured({ clock }: OAuthHost, { setting, options }: ModuleOptions): TokenValidator {
  try {
    return new UnsecuredTokens(options, clock)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return refuse(`${setting}: ${error.message}. Mend the option, or remove it.`, error)
  }
}

async function signed(
  host: OAuthHost,
  view: SecurityView,
  module: ModuleOptions,
): Promise<TokenValidator> {
  const validator = view.get('sasl.oauthbearer.jwt.validator.class')
  if (!VALIDATORS.includes(validator)) {
    const named = view.nameOf('sasl.oauthbearer.jwt.validator.class')
    refuse(
      `${named} asks for ${validator}, which Ottla does not have, or which checks no signatures. Remove the setting.`,
    )
  }
  const [audiences, issuer] = [
    view.get('sasl.oauthbearer.expected.audience'),
    textOf(view, 'sasl.oauthbearer.expected.issuer'),
  ]
  const demand = (what: 'audience' | 'issuer', example: string): never =>
    refuse(
      `${view.nameOf(`sasl.oauthbearer.expected.${what}`)} is not set, so tokens of any ${what} would be good. Set it to ${example}; or ${view.nameOf(`sasl.oauthbearer.allow.unverified.${what}`)} to true.`,
    )
  if (audiences.length === 0 && !view.get('sasl.oauthbearer.allow.unverified.audience')) {
    demand('audience', 'what the identity provider calls this cluster')
  }
  if (issuer === null && !view.get('sasl.oauthbearer.allow.unverified.issuer')) {
    demand('issuer', "the identity provider's own name, as its tokens have it")
  }
  const rules = {
    issuer,
    audiences,
    skewSeconds: atLeast(view, 'sasl.oauthbearer.clock.skew.seconds', 0),
    scopeClaim: claimOf(view, 'sasl.oauthbearer.scope.claim.name'),
    subClaim: claimOf(view, 'sasl.oauthbearer.sub.claim.name'),
  }
  return new SignedTokens(await keySource(host, view, module), rules, host.clock)
}

async function keySource(
  host: OAuthHost,
  view: SecurityView,
  module: ModuleOptions,
): Promise<KeySource> {
  const named = view.nameOf(URL_SETTING)
  const text = textOf(view, URL_SETTING)
  const example = 'https://idp.example/keys or file:///etc/ottla/keys.json'
  if (text === null) {
    refuse(
      `${named} is not set, so no token's signature could be checked. Set it to the address of the identity provider's keys: ${example}.`,
    )
  }
  if (!URL.canParse(text)) refuse(`${named} is no address. One looks like this: ${example}.`)
  const url = new URL(text)
  if (url.protocol === 'file:') return keyFile(host, named, url)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    refuse(`${named} begins with ${url.protocol}, and may with https:, http: or file: only.`)
  }
  const retryBackoffMs = atLeast(view, 'sasl.oauthbearer.jwks.endpoint.retry.backoff.ms', 1)
  return new KeyEndpoint(host, {
    url: text,
    tls: url.protocol === 'https:' ? await providerTls(host, module) : null,
    refreshMs: atLeast(view, 'sasl.oauthbearer.jwks.endpoint.refresh.ms', 1),
    retryBackoffMs,
    retryBackoffMaxMs: Math.max(
      atLeast(view, 'sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms', 1),
      retryBackoffMs,
    ),
  })
}

function keyFile(host: OAuthHost, named: string, url: URL): KeyFile {
  const path = pathOf(url, named)
  try {
    return new KeyFile(host, path)
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    if (code === undefined && !(error instanceof WebTokenError)) throw error
    return refuse(`${named}: ${path} can't be used: ${message}.`, error)
  }
}

/** Null where it has no text. */
function textOf(
  view: SecurityView,
  name: typeof URL_SETTING | 'sasl.oauthbearer.expected.issuer',
): string | null {
  return view.get(name)?.trim() || null
}

function claimOf(
  view: SecurityView,
  name: `sasl.oauthbearer.${'scope' | 'sub'}.claim.name`,
): string {
  const claim = view.get(name).trim()
  return claim === ''
    ? refuse(`${view.nameOf(name)} is empty. Set it to the name of a claim.`)
    : claim
}

function atLeast(view: SecurityView, name: OfNumbers, least: number): number {
  const value = view.get(name)
  if (value >= least) return value
  return refuse(`${view.nameOf(name)} is ${value}, and must be at least ${least}.`)
}

type OfNumbers =
  | 'sasl.oauthbearer.clock.skew.seconds'
  | `sasl.oauthbearer.jwks.endpoint.${'refresh' | 'retry.backoff' | 'retry.backoff.max'}.ms`
