import { ConfigError } from '../src/config/layers.ts'
import type { Host } from '../src/host/host.ts'
import type { SaslLogin } from '../src/peer/security.ts'
import { parseJaas } from '../src/security/sasl/jaas.ts'
import { OAuthLogin, type TokenSource } from '../src/security/sasl/oauth/client.ts'
import { isExtension } from '../src/security/sasl/oauth/message.ts'
import {
  OAUTH_MODULE,
  OAUTH_PACKAGE,
  pathOf,
  providerTls,
} from '../src/security/sasl/oauth/provider.ts'
import { tokenEndpoint, tokenFile } from '../src/security/sasl/oauth/token-sources.ts'

export const OAUTH_MECHANISM = 'OAUTHBEARER'

const JAAS = 'sasl.jaas.config'
const HANDLER = 'sasl.login.callback.handler.class'
const URL_SETTING = 'sasl.oauthbearer.token.endpoint.url'
const RETRIEVER = 'sasl.oauthbearer.jwt.retriever.class'
const VALIDATOR = 'sasl.oauthbearer.jwt.validator.class'
const CLIENT_ID = 'sasl.oauthbearer.client.credentials.client.id'
const CLIENT_SECRET = 'sasl.oauthbearer.client.credentials.client.secret'
const SCOPE = 'sasl.oauthbearer.scope'
const URL_ENCODE = 'sasl.oauthbearer.header.urlencode'
/** With it a client signs what it is, instead of knowing a secret. */
const ASSERTION = 'sasl.oauthbearer.assertion.'

/** What of a client.properties file means something where tokens are asked for. */
export const OAUTH_SETTINGS: readonly string[] = [
  HANDLER,
  URL_SETTING,
  RETRIEVER,
  VALIDATOR,
  CLIENT_ID,
  CLIENT_SECRET,
  SCOPE,
  URL_ENCODE,
]

const HANDLER_CLASS = `${OAUTH_PACKAGE}.OAuthBearerLoginCallbackHandler`
const DEFAULT_RETRIEVER = `${OAUTH_PACKAGE}.DefaultJwtRetriever`
const FILE_RETRIEVER = `${OAUTH_PACKAGE}.FileJwtRetriever`
const CREDENTIALS_RETRIEVER = `${OAUTH_PACKAGE}.ClientCredentialsJwtRetriever`
const RETRIEVERS = [DEFAULT_RETRIEVER, FILE_RETRIEVER, CREDENTIALS_RETRIEVER]
const VALIDATORS = [`${OAUTH_PACKAGE}.DefaultJwtValidator`, `${OAUTH_PACKAGE}.ClientJwtValidator`]
const EXTENSION_PREFIX = 'extension_'

type OAuthHost = Pick<Host, 'clock' | 'disk' | 'network'>
type Settings = ReadonlyMap<string, string>

/** Logs in by the token that a file has. */
export const loginByFile = (host: OAuthHost, path: string): SaslLogin =>
  new OAuthLogin(tokenFile(host, path), new Map(), host.clock)

/**
 * Logs in by OAUTHBEARER as Kafka's clients do with these settings: with the token of a file, or with one that an identity provider
 * gives to who knows a secret.
 * @throws ConfigError that says which setting is meant, and what to do; no secret is in it
 */
export async function oauthLogin(host: OAuthHost, settings: Settings): Promise<SaslLogin> {
  const handler = textOf(settings, HANDLER)
  if (handler !== HANDLER_CLASS) {
    const what =
      handler === null
        ? "is not set, by which Kafka's clients log in with a token that nobody has signed"
        : `asks for ${handler}`
    refuse(`${HANDLER} ${what}, and Ottla's commands don't. Set it to ${HANDLER_CLASS}.`)
  }
  const assertion = [...settings.keys()].find((name) => name.startsWith(ASSERTION))
  if (assertion !== undefined) {
    refuse(
      `${assertion} has the client sign what it is, which Ottla's commands do not do. Remove it, and set ${CLIENT_ID} and ${CLIENT_SECRET}; or have ${URL_SETTING} name a file with a token.`,
    )
  }
  const validator = textOf(settings, VALIDATOR)
  if (validator !== null && !VALIDATORS.includes(validator)) {
    refuse(`${VALIDATOR} asks for ${validator}, which Ottla's commands do not have. Remove it.`)
  }
  const options = moduleOptions(settings)
  return new OAuthLogin(await sourceOf(host, settings, options), extensionsIn(options), host.clock)
}

async function sourceOf(
  host: OAuthHost,
  settings: Settings,
  options: ReadonlyMap<string, string>,
): Promise<TokenSource> {
  const retriever = textOf(settings, RETRIEVER) ?? DEFAULT_RETRIEVER
  if (!RETRIEVERS.includes(retriever)) {
    refuse(
      `${RETRIEVER} asks for ${retriever}, which Ottla's commands do not have. Set it to one of ${RETRIEVERS.join(', ')}.`,
    )
  }
  const text = textOf(settings, URL_SETTING)
  const example = 'https://idp.example/token, or file:///run/secrets/token for a file with a token'
  if (text === null || !URL.canParse(text)) {
    const what = text === null ? 'is not set' : 'is no address'
    return refuse(`${URL_SETTING} ${what}. Set it to where tokens come from: ${example}.`)
  }
  const url = new URL(text)
  const isFile = url.protocol === 'file:'
  if (!isFile && url.protocol !== 'http:' && url.protocol !== 'https:') {
    refuse(`${URL_SETTING} begins with ${url.protocol}, and may with https:, http: or file: only.`)
  }
  if (retriever === (isFile ? CREDENTIALS_RETRIEVER : FILE_RETRIEVER)) {
    refuse(
      `${RETRIEVER}=${retriever} does not go with ${url.protocol} in ${URL_SETTING}. Remove it.`,
    )
  }
  if (isFile) return tokenFile(host, pathOf(url, URL_SETTING))
  const demanded = (name: string, option: string): string =>
    textOf(settings, name) ??
    options.get(option) ??
    refuse(
      `${name} is not set, so no token can be asked for. Set it to what the identity provider has given you.`,
    )
  return tokenEndpoint(host, {
    url: text,
    clientId: demanded(CLIENT_ID, 'clientId'),
    clientSecret: demanded(CLIENT_SECRET, 'clientSecret'),
    scope: textOf(settings, SCOPE) ?? options.get('scope') ?? null,
    isEncoded: isTrue(settings, URL_ENCODE),
    tls: url.protocol === 'https:' ? await providerTls(host, { setting: JAAS, options }) : null,
  })
}

function moduleOptions(settings: Settings): ReadonlyMap<string, string> {
  const jaas = settings.get(JAAS)
  if (jaas === undefined) return new Map()
  try {
    const { module, options } = parseJaas(jaas)
    if (module === OAUTH_MODULE) return options
  } catch (error) {
    return refuse(
      `${JAAS}: ${(error as Error).message}. It looks like this: ${OAUTH_MODULE} required;`,
    )
  }
  return refuse(
    `${JAAS}: its login module is not that of ${OAUTH_MECHANISM}. It looks like this: ${OAUTH_MODULE} required;`,
  )
}

/** [KIP-342] What is said besides the token. */
function extensionsIn(options: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const extensions = new Map<string, string>()
  for (const [option, value] of options) {
    if (!option.startsWith(EXTENSION_PREFIX)) continue
    const name = option.slice(EXTENSION_PREFIX.length)
    if (!isExtension(name, value)) {
      refuse(
        `${JAAS}: ${option} can't be said. The name of an extension has letters alone, and isn't auth; its value has characters of ASCII.`,
      )
    }
    extensions.set(name, value)
  }
  return extensions
}

/** Null where it has no text. */
const textOf = (settings: Settings, name: string): string | null =>
  settings.get(name)?.trim() || null

function isTrue(settings: Settings, name: string): boolean {
  const text = textOf(settings, name)?.toLowerCase() ?? 'false'
  if (text === 'true' || text === 'false') return text === 'true'
  return refuse(`${name} is ${text}, and may be true or false.`)
}

function refuse(message: string): never {
  throw new ConfigError([message])
}
