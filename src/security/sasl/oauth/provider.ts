import { brokerSettings, settingOf } from '../../../config/registry.ts'
import { defaultOf, parseSetting } from '../../../config/setting.ts'
import type { Host, TlsContext } from '../../../host/host.ts'
import { tlsMaterial } from '../../tls/material.ts'
import { refuse, type SecurityName, type SecurityView } from '../../tls/settings.ts'

/** Of Kafka's own classes. */
export const OAUTH_PACKAGE = 'org.apache.kafka.common.security.oauthbearer'
export const OAUTH_MODULE = `${OAUTH_PACKAGE}.OAuthBearerLoginModule`

/**
 * The path of a file's address.
 * @param setting what the setting is called that has the address
 * @throws ConfigError where it is none of this machine
 */
export function pathOf({ host, pathname }: URL, setting: string): string {
  try {
    if (host === '') return decodeURIComponent(pathname)
  } catch (error) {
    if (!(error instanceof URIError)) throw error
  }
  return refuse(
    `${setting} is no address of a file here. One looks like this: file:///run/secrets/token.`,
  )
}

/** The options of the login module, and what the setting is called that they stand in. */
export interface ModuleOptions {
  readonly setting: string
  readonly options: ReadonlyMap<string, string>
}

/**
 * TLS towards an identity provider: Kafka has its settings among the options of the login module.
 * @returns null where there are none: well-known authorities are trusted
 * @throws ConfigError
 */
export async function providerTls(
  { disk, network }: Pick<Host, 'disk' | 'network'>,
  { setting, options }: ModuleOptions,
): Promise<TlsContext | null> {
  if (![...options.keys()].some((name) => name.startsWith('ssl.'))) return null
  const material = await tlsMaterial(optionsView(setting, options), disk, null)
  try {
    return network.tls.context(material)
  } catch (error) {
    return refuse(
      `${setting}: its options for TLS can't be used together: ${(error as Error).message}.`,
      error,
    )
  }
}

function optionsView(setting: string, options: ReadonlyMap<string, string>): SecurityView {
  const nameOf = (name: SecurityName): string => `${name} in ${setting}`
  const get: SecurityView['get'] = (name) => {
    const raw = options.get(name)
    const declared = settingOf(brokerSettings, name)!
    if (raw === undefined) return defaultOf(declared).value as never
    const parsed = parseSetting(nameOf(name), declared, raw)
    return parsed.ok ? (parsed.value as never) : refuse(parsed.message)
  }
  return { get, nameOf }
}
